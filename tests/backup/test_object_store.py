"""Backups between a folder and an object store."""

from pathlib import Path

import pytest

from tests.backup.conftest import Elsewhere
from tests.object_stores import ObjectStore
from webapp.errors import Conflict
from webapp.services.accounts.identity import Identity
from webapp.services.backup import back_up, restore
from webapp.services.container import Services
from webapp.storage import Storage

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def storage(object_store: ObjectStore, tmp_path: Path) -> Storage:
    return object_store.storage(tmp_path)


async def _files(services: Services) -> dict[tuple[str, str], bytes]:
    found = {}
    for key in await services.storage.keys():
        for name in ("sound.wav", "sound.mp3", "spectrogram.png"):
            async with services.storage.local_file(key, name) as path:
                found[key, name] = path.read_bytes()
    return found


async def test_sounds_move_to_a_folder_and_back(
    services: Services, ann: Identity, elsewhere: Elsewhere, tmp_path: Path
) -> None:
    done = await back_up(services.backup, tmp_path / "one")
    assert (done.sounds, done.files) == (2, 10)
    files = await _files(services)
    assert len(files) == 6
    async with elsewhere() as folder:
        await restore(folder.backup, tmp_path / "one")
        assert await _files(folder) == files
        await back_up(folder.backup, tmp_path / "two")
    hurt = min(await services.storage.keys())
    await services.storage.delete(hurt)
    # What is left of a group that is not whole is replaced as well.
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"part")
    await services.storage.publish(hurt, staged)
    await services.storage.discard(staged)
    await services.database.open()
    with pytest.raises(Conflict, match="--replace"):
        await restore(services.backup, tmp_path / "two")
    await restore(services.backup, tmp_path / "two", replace=True)
    assert await _files(services) == files


async def test_a_sound_without_its_files_is_named(services: Services, ann: Identity, tmp_path: Path) -> None:
    lost = min(await services.storage.keys())
    await services.storage.delete(lost)
    with pytest.raises(Conflict, match=f"1 sound lacks files: {lost.partition('-')[0]}"):
        await back_up(services.backup, tmp_path / "one")
    assert not (tmp_path / "one").exists()
    made = await back_up(services.backup, tmp_path / "one", allow_missing=True)
    assert made.files == 5
