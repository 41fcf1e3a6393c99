"""An object store that is away, or not there, and what it hands out itself."""

import asyncio
from pathlib import Path
from typing import cast

import httpx
import pytest
from obstore.store import S3Store

from tests.object_stores import ObjectStore, relay_to
from webapp.errors import SettingsError, StorageAway
from webapp.storage import LocalStorage, Storage
from webapp.storage import object_storage as module
from webapp.storage.object_file import FIRST_WINDOW_BYTES, WINDOW_BYTES, ObjectFile
from webapp.storage.object_storage import ObjectStorage
from webapp.storage.opening import bucket_and_prefix

KEY = "0123456789abcdef0123-1"


async def _publish(storage: Storage, content: bytes = b"RIFF") -> None:
    staged = storage.staging_folder()
    (staged / "sound.wav").write_bytes(content)
    try:
        await storage.publish(KEY, staged)
    finally:
        await storage.discard(staged)


async def test_a_store_that_is_away_says_so_and_is_back_by_itself(
    object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TRIES_AGAIN", 1)
    with relay_to(object_store.endpoint) as relay:
        storage = object_store.storage(tmp_path, endpoint=relay.endpoint)
        await _publish(storage)
        file = await storage.open(KEY, "sound.wav")
        relay.cut()
        wanted = {KEY: ("sound.wav",)}
        for asked in (
            storage.require(), storage.mark(), storage.write_mark("x"), _publish(storage), storage.keys(),
            storage.open(KEY, "sound.wav"), storage.missing(wanted), storage.delete(KEY),
            storage.copy_out(wanted, tmp_path), anext(file.read(0, 4)),
        ):  # fmt: skip
            with pytest.raises(StorageAway) as raised:
                await asked
            assert raised.value.reason
            assert "\n" not in raised.value.reason
            assert "test-secret" not in raised.value.reason
        relay.restore()
        await storage.require()
        assert [piece async for piece in file.read(0, 4)] == [b"RIFF"]


async def test_a_bucket_that_is_not_there_is_no_empty_one(object_store: ObjectStore, tmp_path: Path) -> None:
    storage = object_store.storage(tmp_path, "no-such-bucket")
    for asked in (storage.mark(), storage.write_mark("x"), storage.require()):
        with pytest.raises(StorageAway, match="storage"):
            await asked


async def test_a_signed_address_gives_the_file_and_its_parts_to_anybody(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    storage = object_store.storage(tmp_path)
    await _publish(storage, b"RIFF and more")
    url = await storage.signed_url(KEY, "sound.wav", method="GET", for_s=60)
    assert url is not None
    assert url.startswith(storage.origin + "/")
    async with httpx.AsyncClient() as client:
        whole, part = await client.get(url), await client.get(url, headers={"range": "bytes=0-3"})
    assert (whole.status_code, whole.content) == (200, b"RIFF and more")
    assert whole.headers["content-type"] == "audio/wav"
    assert "immutable" in whole.headers["cache-control"]
    assert (part.status_code, part.content) == (206, b"RIFF")
    assert await LocalStorage(tmp_path).signed_url(KEY, "sound.wav", method="GET", for_s=60) is None


class _Counted:
    """A store that notes what is asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    async def get_range_async(self, _path: str, *, start: int, length: int) -> bytes:
        self.asked.append((start, length))
        return bytes(length)


async def test_a_reader_that_is_slow_holds_two_windows_at_most() -> None:
    store, size = _Counted(), 6_000_000
    file = ObjectFile(cast("S3Store", store), "path", "version", size, 0.0)
    pieces = file.read(0, size)
    await anext(pieces)
    await asyncio.sleep(0)
    assert store.asked == [(0, FIRST_WINDOW_BYTES), (FIRST_WINDOW_BYTES, WINDOW_BYTES)]
    await pieces.aclose()
    assert len(store.asked) == 2


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("s3://sounds", "sounds", ""),
        ("s3://my.sounds/", "my.sounds", ""),
        ("s3://sounds/loom/", "sounds", "loom"),
        ("s3://sounds/a/b_c.d=1", "sounds", "a/b_c.d=1"),
    ],
)
def test_addresses(url: str, bucket: str, prefix: str) -> None:
    assert bucket_and_prefix(url) == (bucket, prefix)


@pytest.mark.parametrize(
    "url",
    ["sounds", "s3://", "s3:///x", "s3://UPPER", "s3://b/../c", "s3://bucket//x//y", "gs://bucket/x",
     "s3://key:secret@bucket/x", "s3://bucket/a b"],
)  # fmt: skip
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(SettingsError, match="SOUNDLOOM_STORAGE_URL"):
        bucket_and_prefix(url)


def test_without_an_endpoint_it_is_amazons(tmp_path: Path) -> None:
    environ = {"AWS_REGION": "eu-north-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    storage = ObjectStorage.of_bucket(tmp_path, "bucket", "", environ, home=tmp_path)
    assert storage.origin == "https://s3.eu-north-1.amazonaws.com"
    assert storage.location == "s3://bucket"
