"""Files of sounds: whole or not at all, private, and nothing left behind."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from webapp.storage import LocalStorage
from webapp.storage.staging import NEW_FOR_S

KEY = "0123456789abcdef0123-1"
OTHER = "0123456789abcdef0123-2"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path)


def _staged(storage: LocalStorage, content: bytes = b"RIFF") -> Path:
    folder = storage.staging_folder()
    (folder / "sound.wav").write_bytes(content)
    return folder


async def test_a_published_group_is_private_and_can_be_read(storage: LocalStorage) -> None:
    await storage.publish(KEY, _staged(storage))
    path = storage.path(KEY, "sound.wav")
    assert path.read_bytes() == b"RIFF"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert sorted(item.name for item in path.parent.iterdir()) == ["sound.wav"]


async def test_nothing_is_seen_before_it_is_published(storage: LocalStorage) -> None:
    staged = _staged(storage)
    assert await storage.keys() == set()
    await storage.discard(staged)
    assert not staged.exists()


async def test_every_file_is_synced_before_the_rename_and_the_folder_after(
    storage: LocalStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(handle: int) -> None:
        done.append(Path(f"/proc/self/fd/{handle}").readlink().name)
        real_fsync(handle)

    def rename(source: Path, target: Path) -> Path:
        done.append("rename")
        return real_rename(source, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(Path, "rename", rename)
    staged = _staged(storage)
    await storage.publish(KEY, staged)
    assert done == ["sound.wav", staged.name, "sounds", "rename", KEY[:2]]


async def test_claims_of_one_job_do_not_touch_each_others_files(storage: LocalStorage) -> None:
    await storage.publish(KEY, _staged(storage, b"old"))
    await storage.publish(OTHER, _staged(storage, b"new"))
    await storage.delete(KEY)
    assert storage.path(OTHER, "sound.wav").read_bytes() == b"new"
    assert set(await storage.keys()) == {OTHER}


@pytest.mark.parametrize(
    "key", ["", "..", "../x-1", "0123456789ABCDEF0123-1", "0123456789abcdef0123", f"{KEY}/"]
)
async def test_keys_of_another_form_lead_nowhere(storage: LocalStorage, key: str) -> None:
    with pytest.raises(FileNotFoundError):
        storage.path(key, "sound.wav")


@pytest.mark.parametrize("name", ["", ".writer", "../sound.wav", "sound.exe", "sound.wav\0", "Sound.wav"])
async def test_names_of_another_form_lead_nowhere(storage: LocalStorage, name: str) -> None:
    await storage.publish(KEY, _staged(storage))
    with pytest.raises(FileNotFoundError):
        storage.path(KEY, name)


async def test_deleting_leaves_nothing_and_may_be_repeated(storage: LocalStorage, tmp_path: Path) -> None:
    await storage.publish(KEY, _staged(storage))
    await storage.delete(KEY)
    await storage.delete(KEY)
    assert await storage.keys() == set()
    assert list((tmp_path / "staging").iterdir()) == []


def _age(folder: Path) -> None:
    past = folder.stat().st_mtime - NEW_FOR_S - 1
    os.utime(folder, (past, past))


async def test_a_sweep_removes_what_dead_processes_left_and_nothing_else(
    storage: LocalStorage, tmp_path: Path
) -> None:
    script = (
        "import sys, os; from pathlib import Path; from webapp.storage import LocalStorage;"
        "storage = LocalStorage(Path(sys.argv[1])); print(storage.staging_folder(), flush=True);"
        "sys.stdin.read() if sys.argv[2] == 'live' else None; os._exit(0)"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]

    def both() -> tuple[Path, Path, int, int]:
        """Sweep beside a process that lives, and again after its end."""
        dead = Path(
            subprocess.run([*command, "dead"], capture_output=True, text=True, check=True).stdout.strip()
        )
        with subprocess.Popen(
            [*command, "live"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as live:
            assert live.stdout is not None
            others = Path(live.stdout.readline().strip())
            for folder in (dead, others, own):
                _age(folder)
            beside = asyncio.run(storage.sweep_staging())
            left = set((tmp_path / "staging").iterdir())
        assert left == {others, own, new}
        return dead, others, beside, asyncio.run(storage.sweep_staging())

    own, new = _staged(storage), tmp_path / "staging" / "just-made"
    new.mkdir()
    dead, others, beside, after = await asyncio.to_thread(both)
    assert (beside, after) == (1, 1)
    assert not dead.exists()
    assert not others.exists()
    await storage.discard(own)


async def test_free_space_is_told(storage: LocalStorage) -> None:
    free = await storage.free_bytes()
    assert free is not None
    assert free > 0
