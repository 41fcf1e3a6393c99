"""Cursors as clients see them: nothing can be read from them, and none can be made up."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.errors import InvalidRequest
from webapp.policy.library.fields import Cursor
from webapp.services.library.cursors import Cursors
from webapp.services.shared.secret_key import KEY_BYTES, KEY_FILE, secret_key
from webapp.settings import Settings

CURSORS = Cursors(b"k" * 32)
LIST = "/api/library?sort=votes"


@given(st.integers(0, 1), st.floats(-1e9, 1e9), st.integers(1, 2**31 - 1))
def test_what_was_written_is_read(stage: int, value: float, row_id: int) -> None:
    cursor = Cursor(stage, value, row_id)
    text = CURSORS.written(cursor, LIST)
    assert CURSORS.read(text, LIST) == cursor
    assert text.replace("-", "").replace("_", "").isalnum()
    with pytest.raises(InvalidRequest):
        Cursors(b"K" * 32).read(text, LIST)
    with pytest.raises(InvalidRequest):
        CURSORS.read(text, "/api/library?sort=plays")


@given(st.integers(0, 38), st.sampled_from("AZaz09-_"))
def test_a_changed_one_is_refused(place: int, letter: str) -> None:
    text = CURSORS.written(Cursor(0, 8.5, 1234), LIST)
    changed = text[:place] + letter + text[place + 1 :]
    if changed == text or place == len(text) - 1:
        return  # the last letter has bits that do not count
    with pytest.raises(InvalidRequest):
        CURSORS.read(changed, LIST)


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        CURSORS.read(text, LIST)


def test_neighbours_have_nothing_in_common() -> None:
    texts = [CURSORS.written(Cursor(0, 0, row_id), LIST) for row_id in (1000, 1001)]
    assert sum(one == other for one, other in zip(*texts, strict=True)) < 10


def test_the_key_is_made_once_and_private(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path))
    key = secret_key(settings)
    assert len(key) == KEY_BYTES
    assert secret_key(settings) == key
    assert (tmp_path / KEY_FILE).stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == [KEY_FILE]
    given = Settings(data_dir=str(tmp_path), secret_key="from the operator")
    assert secret_key(given) != key
    assert secret_key(given) == secret_key(given)
