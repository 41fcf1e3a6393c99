"""Names under which browsers save sounds."""

import httpx
import pytest

from tests.api.client import User
from tests.library.conftest import MakeSound
from webapp.policy.library.file_names import MAX_NAME_BYTES, download_stem

ID = "0123456789abcdef0123"


@pytest.mark.parametrize(
    ("title", "stem"),
    [
        ("slow piano over heavy rain", "slow piano over heavy rain 01234567"),
        ("../../etc/passwd", "etc passwd 01234567"),
        ("بيانو بطيء 🌧️", "بيانو بطيء 01234567"),
        ("🌧️🎹", "soundloom 01234567"),
        ("con", "con 01234567"),
    ],
)
def test_a_name_is_readable_and_safe(title: str, stem: str) -> None:
    assert download_stem(title, ID) == stem


def test_a_name_is_short_enough_for_every_file_system() -> None:
    assert len(f"{download_stem('ﷺ' * 300, ID)}.flac".encode()) <= MAX_NAME_BYTES


async def test_a_published_sound_is_saved_under_its_title(
    ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
) -> None:
    sound_id = await make_sound(ann.identity)
    change = {"title": "Regen über Köln", "is_public": True}
    assert (await ann.http.patch(f"/api/library/{sound_id}", json=change)).is_success
    plain = await anybody.get(f"/audio/{sound_id}.mp3")
    assert "content-disposition" not in plain.headers
    for method in ("GET", "HEAD"):
        saved = await anybody.request(method, f"/audio/{sound_id}.mp3?download")
        assert saved.headers["etag"] == plain.headers["etag"]
        assert saved.headers["content-disposition"] == (
            f'attachment; filename="Regen _ber K_ln {sound_id[:8]}.mp3";'
            f" filename*=UTF-8''Regen%20%C3%BCber%20K%C3%B6ln%20{sound_id[:8]}.mp3"
        )


async def test_of_a_private_sound_the_address_reveals_no_words(
    ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
) -> None:
    sound_id = await make_sound(ann.identity, is_public=False)
    saved = await anybody.get(f"/audio/{sound_id}.wav?download=yes")
    assert (saved.status_code, saved.headers["content-disposition"]) == (200, "attachment")
    part = await anybody.get(f"/audio/{sound_id}.wav?download", headers={"range": "bytes=0-1"})
    assert (part.status_code, part.headers["content-disposition"]) == (206, "attachment")
    assert (await anybody.get(f"/audio/{'0' * 20}.wav?download")).status_code == 404
