"""What a manifest may say of a sound."""

from typing import Any

import msgspec
import pytest

from webapp.errors import InvalidRequest
from webapp.policy.library.imports import read_entry

SOUND: dict[str, Any] = {
    "id": "a" * 20,
    "prompt": "rain",
    "model": "music",
    "created_at": "2026-01-02T03:04:05Z",
    "files": [{"name": "sounds/rain.wav", "size": 1, "sha256": "0" * 64}],
}


def _read(sound: dict[str, Any]) -> str:
    return read_entry(msgspec.Raw(msgspec.json.encode(sound)))[0].id


def test_what_an_export_says_can_be_read() -> None:
    assert _read(SOUND) == "a" * 20


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "a" * 20 + "\n"},
        {"id": "A" * 20},
        {"created_at": "2026-01-02T03:04:05Z\n"},
        {"files": [{"name": "sounds/rain.wav", "size": 1, "sha256": "0" * 64 + "\n"}]},
        {"seed": -1},
        {"quality_score": 101},
    ],
)
def test_what_would_be_no_id_no_date_or_no_digest_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        _read(SOUND | changes)
