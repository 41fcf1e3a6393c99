"""Sounds in an object store, over the API: played, taken along, deleted, and swept."""

import io
import json
import zipfile
from pathlib import Path

import httpx
import pytest

from tests.api.client import User
from tests.library.conftest import FILES, MakeSound
from tests.object_stores import ObjectStore
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.storage import Storage

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def storage(object_store: ObjectStore, tmp_path: Path) -> Storage:
    return object_store.storage(tmp_path)


async def test_a_sound_is_played_in_every_format_in_parts_and_from_caches(
    ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound
) -> None:
    sound_id = await make_sound(ann.identity)
    for name in FILES[:4]:
        answer = await anybody.get(f"/audio/{sound_id}.{name.partition('.')[2]}")
        assert (answer.status_code, answer.content) == (200, name.encode())
    assert (await anybody.get(f"/spectrogram/{sound_id}.png")).content == b"spectrogram.png"
    address = f"/audio/{sound_id}.wav"
    whole = await anybody.get(address)
    part = await anybody.get(address, headers={"range": "bytes=1-3"})
    assert (part.status_code, part.content) == (206, b"oun")
    assert part.headers["content-range"] == "bytes 1-3/9"
    for header, value in (
        ("if-none-match", whole.headers["etag"]),
        ("if-modified-since", whole.headers["last-modified"]),
    ):
        assert (await anybody.get(address, headers={header: value})).status_code == 304
    resumed = await anybody.get(address, headers={"range": "bytes=5-", "if-range": whole.headers["etag"]})
    assert (resumed.status_code, resumed.content) == (206, b".wav")
    assert (await anybody.get(address, headers={"if-match": '"other"'})).status_code == 412
    assert (await anybody.get(address, headers={"range": "bytes=9-"})).status_code == 416
    head = await anybody.head(address)
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "9", b"")
    assert (await anybody.get(f"/audio/{'0' * 20}.wav")).status_code == 404


async def test_an_export_has_the_files(ann: User, make_sound: MakeSound, tmp_path: Path) -> None:
    sound_ids = [await make_sound(ann.identity) for _ in range(3)]
    answer = await ann.http.get(
        "/api/library/export", params={"formats": "wav,mp3", "ids": ",".join(sound_ids)}
    )
    assert answer.status_code == 200
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        manifest = json.loads(archive.read("manifest.json"))
        files = [file["name"] for sound in manifest["sounds"] for file in sound["files"]]
        assert len(files) == 6
        assert {b"sound.wav", b"sound.mp3"} == {archive.read(name)[-9:] for name in files}
    assert list((tmp_path / "staging").iterdir()) == []


async def test_an_export_that_cannot_be_complete_is_refused(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    sound_id = await make_sound(ann.identity)
    await services.storage.delete(f"{sound_id}-1")
    answer = await ann.http.get("/api/library/export", params={"formats": "wav", "ids": sound_id})
    assert answer.status_code == 404
    assert "1 sound lacks files" in answer.json()["error"]


async def test_a_deleted_sound_leaves_nothing(ann: User, make_sound: MakeSound, services: Services) -> None:
    kept, deleted = [await make_sound(ann.identity) for _ in range(2)]
    assert (await ann.http.delete(f"/api/library/{deleted}")).status_code == 204
    assert list(await services.storage.keys()) == [f"{kept}-1"]


async def test_strays_go_and_what_is_unknown_stays(
    ann: User, make_sound: MakeSound, services: Services
) -> None:
    sound_id = await make_sound(ann.identity)
    await services.database.fetch("UPDATE job SET fence = 3")
    for key in (f"{sound_id}-2", f"{sound_id}-4", f"{'f' * 20}-1"):
        staged = services.storage.staging_folder()
        (staged / "sound.wav").write_bytes(b"RIFF")
        await services.storage.publish(key, staged)
        await services.storage.discard(staged)
    assert await services.library.files.remove_strays() == (1, 2)
    assert set(await services.storage.keys()) == {f"{sound_id}-1", f"{sound_id}-4", f"{'f' * 20}-1"}


class TestRedirect:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(
            data_dir=settings.data_dir, disk_reserve_mb=0, storage_url="s3://x", storage_redirect=True
        )

    async def test_readers_are_sent_to_the_store(
        self, ann: User, anybody: httpx.AsyncClient, make_sound: MakeSound, storage: Storage
    ) -> None:
        address = f"/audio/{await make_sound(ann.identity)}.wav"
        for method in ("GET", "HEAD"):
            answer = await anybody.request(method, address)
            assert answer.status_code == 307
            assert answer.headers["cache-control"] == "private, max-age=600"
            location = answer.headers["location"]
            assert location.startswith(f"{storage.origin}/")
            async with httpx.AsyncClient() as client:
                found = await client.request(method, location, headers={"range": "bytes=0-4"})
            assert found.status_code == 206
            assert found.content == (b"sound" if method == "GET" else b"")
        assert (await anybody.get(f"/audio/{'0' * 20}.wav")).status_code == 404

    async def test_pages_may_play_from_there_and_nothing_else(
        self, anybody: httpx.AsyncClient, storage: Storage
    ) -> None:
        policy = (await anybody.get("/healthz")).headers["content-security-policy"]
        assert f"media-src 'self' {storage.origin};" in policy
        assert policy.count(storage.origin) == 1
