"""What every storage promises, tried with a folder and with an object store."""

import hashlib
from pathlib import Path

import pytest

from tests.object_stores import ObjectStore
from webapp.storage import LocalStorage, Storage
from webapp.storage.names import FILE_NAMES
from webapp.storage.object_storage import PART_BYTES

KEY = "0123456789abcdef0123-1"
OTHER = "0123456789abcdef0123-2"
ELSEWHERE = "f123456789abcdef0123-1"
# Beyond what is read, uploaded and copied in one piece.
LARGE = hashlib.shake_256(b"sound").digest(PART_BYTES + 3_000_001)


@pytest.fixture(params=["folder", "objects"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "folder":
        return LocalStorage(tmp_path)
    store: ObjectStore = request.getfixturevalue("object_store")
    return store.storage(tmp_path)


async def _publish(storage: Storage, key: str, **files: bytes) -> None:
    staged = storage.staging_folder()
    for name, content in files.items():
        (staged / name.replace("_", ".")).write_bytes(content)
    await storage.publish(key, staged)
    assert not staged.exists()
    await storage.discard(staged)


async def _read(storage: Storage, key: str, name: str, first: int = 0, length: int | None = None) -> bytes:
    file = await storage.open(key, name)
    try:
        wanted = file.size_bytes - first if length is None else length
        return b"".join([piece async for piece in file.read(first, wanted)])
    finally:
        file.close()


async def test_a_group_is_there_once_it_is_published_and_gone_once_it_is_deleted(storage: Storage) -> None:
    staged = storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    with pytest.raises(FileNotFoundError):
        await storage.open(KEY, "sound.wav")
    assert set(await storage.keys()) == set()
    await storage.publish(KEY, staged)
    await storage.discard(staged)
    assert await _read(storage, KEY, "sound.wav") == b"RIFF"
    assert set(await storage.keys()) == {KEY}
    for _ in range(2):
        await storage.delete(KEY)
        assert set(await storage.keys()) == set()
    with pytest.raises(FileNotFoundError):
        await storage.open(KEY, "sound.wav")


async def test_groups_do_not_touch_each_other(storage: Storage) -> None:
    for key, content in ((KEY, b"old"), (OTHER, b"new"), (ELSEWHERE, b"far")):
        await _publish(storage, key, sound_wav=content, spectrogram_png=content)
    await storage.delete(KEY)
    assert set(await storage.keys()) == {OTHER, ELSEWHERE}
    assert await _read(storage, OTHER, "sound.wav") == b"new"
    assert await _read(storage, ELSEWHERE, "spectrogram.png") == b"far"


async def test_any_part_of_a_large_file_can_be_read(storage: Storage) -> None:
    await _publish(storage, KEY, sound_wav=LARGE)
    assert await _read(storage, KEY, "sound.wav") == LARGE
    for first, length in ((0, 1), (0, 0), (300_000, 2_500_000), (len(LARGE) - 5, 5)):
        assert await _read(storage, KEY, "sound.wav", first, length) == LARGE[first : first + length]


async def test_reading_may_end_early(storage: Storage) -> None:
    await _publish(storage, KEY, sound_wav=LARGE)
    file = await storage.open(KEY, "sound.wav")
    pieces = file.read(0, file.size_bytes)
    assert LARGE.startswith(await anext(pieces))
    await pieces.aclose()
    file.close()


async def test_facts_of_a_file_tell_its_version(storage: Storage) -> None:
    await _publish(storage, KEY, sound_wav=b"RIFF")
    await _publish(storage, OTHER, sound_wav=b"RIFF")
    one, two = await storage.open(KEY, "sound.wav"), await storage.open(OTHER, "sound.wav")
    assert (one.size_bytes, one.version) == (4, f"{KEY}-4")
    assert one.version != two.version
    assert abs(one.modified_s - two.modified_s) < 3_600
    one.close()
    two.close()


async def test_a_file_is_given_as_one_of_this_host(storage: Storage) -> None:
    await _publish(storage, KEY, sound_flac=LARGE)
    async with storage.local_file(KEY, "sound.flac") as path:
        assert (path.name, path.read_bytes()) == ("sound.flac", LARGE)
    with pytest.raises(FileNotFoundError):
        async with storage.local_file(KEY, "sound.wav") as path:
            path.read_bytes()


async def test_files_of_many_groups_are_copied_and_those_that_are_gone_left_out(
    storage: Storage, tmp_path: Path
) -> None:
    await _publish(storage, KEY, sound_wav=LARGE, sound_mp3=b"")
    await _publish(storage, ELSEWHERE, sound_wav=b"far")
    wanted = {KEY: FILE_NAMES, OTHER: ("sound.wav",), ELSEWHERE: ("sound.wav",)}
    (tmp_path / "copy").mkdir()
    copied = await storage.copy_out(wanted, tmp_path / "copy")
    assert {key: sorted(file.name for file in files) for key, files in copied.items()} == {
        KEY: ["sound.mp3", "sound.wav"], OTHER: [], ELSEWHERE: ["sound.wav"],
    }  # fmt: skip
    for key, files in copied.items():
        for file in files:
            content = (tmp_path / "copy" / key / file.name).read_bytes()
            assert (file.size, file.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    assert (tmp_path / "copy" / KEY / "sound.wav").read_bytes() == LARGE


async def test_what_is_gone_or_empty_is_missing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    await _publish(storage, KEY, sound_wav=b"RIFF", sound_mp3=b"")
    await _publish(storage, ELSEWHERE, sound_wav=b"RIFF")
    wanted = dict.fromkeys((KEY, OTHER), ("sound.wav", "sound.mp3")) | {ELSEWHERE: ("sound.wav",)}
    lacking = {KEY: ("sound.mp3",), OTHER: ("sound.wav", "sound.mp3")}
    assert await storage.missing(wanted) == lacking
    assert await storage.missing({}) == {}
    # Many are looked for in another way.
    monkeypatch.setattr("webapp.storage.object_storage.MOST_SINGLE_LOOKS", 1)
    assert await storage.missing(wanted) == lacking


@pytest.mark.parametrize(
    "key", ["", "..", "../x-1", "0123456789ABCDEF0123-1", "0123456789abcdef0123", f"{KEY}/"]
)
async def test_keys_of_another_form_lead_nowhere(storage: Storage, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        await storage.open(key, "sound.wav")


@pytest.mark.parametrize("name", ["", ".writer", "../sound.wav", "sound.exe", "sound.wav\0", "Sound.wav"])
async def test_names_of_another_form_lead_nowhere(storage: Storage, name: str) -> None:
    await _publish(storage, KEY, sound_wav=b"RIFF")
    with pytest.raises(FileNotFoundError):
        await storage.open(KEY, name)


async def test_the_first_mark_stays(storage: Storage) -> None:
    await storage.require()
    assert await storage.mark() == ""
    assert await storage.write_mark("one") == "one"
    assert await storage.write_mark("two") == "one"
    assert await storage.mark() == "one"
    assert set(await storage.keys()) == set()


async def test_staging_is_this_hosts_own(storage: Storage, tmp_path: Path) -> None:
    staged = storage.staging_folder()
    assert staged.is_relative_to(tmp_path)
    assert staged.stat().st_mode & 0o777 == 0o700
    assert await storage.sweep_staging() == 0
    await storage.discard(staged)
    assert list((tmp_path / "staging").iterdir()) == []


async def test_pieces_are_kept_in_groups_and_removed_together(storage: Storage) -> None:
    pieces = storage.pieces
    assert set(await pieces.keys()) == set()
    assert await pieces.get(KEY, "0.mp3.0") is None
    await pieces.delete(KEY)
    await pieces.put(KEY, "0.mp3.0", b"one")
    await pieces.put(KEY, "12.flac.345", b"")
    await pieces.put(OTHER, "0.wav.0", b"two")
    assert await pieces.get(KEY, "0.mp3.0") == b"one"
    assert await pieces.get(KEY, "12.flac.345") == b""
    assert await pieces.get(OTHER, "0.mp3.0") is None
    assert set(await pieces.keys()) == {KEY, OTHER}
    # They are no sounds.
    assert set(await storage.keys()) == set()
    await pieces.delete(KEY)
    assert set(await pieces.keys()) == {OTHER}
    assert await pieces.get(KEY, "0.mp3.0") is None


async def test_pieces_have_no_names_but_ours(storage: Storage) -> None:
    for key, name in ((KEY, "../0.mp3.0"), (KEY, "0.exe.0"), ("../x", "0.mp3.0"), (KEY, "")):
        with pytest.raises(ValueError):  # noqa: PT011 - its text is the name
            await storage.pieces.put(key, name, b"")
        with pytest.raises(ValueError):  # noqa: PT011 - its text is the name
            await storage.pieces.get(key, name)
