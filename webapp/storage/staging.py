"""Folders on this host in which files are written before they are published."""

import asyncio
import fcntl
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, Final

LOCK_NAME: Final = ".writer"
NEW_FOR_S: Final = 60


class Staging:
    """Makes private folders. A sweep leaves each of them alone for as long as its process lives."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root / "staging"
        self._locks: dict[Path, IO[str]] = {}
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def folder(self) -> Path:
        """Make a new, empty folder."""
        folder = Path(tempfile.mkdtemp(dir=self.root))
        lock = (folder / LOCK_NAME).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._locks[folder] = lock
        return folder

    def files(self, staged: Path) -> list[Path]:
        """List what was written into a folder."""
        return sorted(path for path in staged.iterdir() if path.name != LOCK_NAME)

    async def discard(self, staged: Path) -> None:
        """Remove a folder; fine if it is gone."""
        await asyncio.to_thread(shutil.rmtree, staged, ignore_errors=True)
        self.release(staged)

    def release(self, staged: Path) -> None:
        """Let go of the lock of a folder that is gone."""
        lock = self._locks.pop(staged, None)
        if lock is not None:
            lock.close()

    async def sweep(self) -> int:
        """Remove the folders of processes that are gone; returns how many."""
        return await asyncio.to_thread(self._sweep)

    def _sweep(self) -> int:
        swept = 0
        for folder in self.root.iterdir():
            try:
                modified_s = folder.stat().st_mtime
            except FileNotFoundError:
                # Published or discarded meanwhile.
                continue
            # A folder may be seen just before its lock is taken, or just before it is published.
            is_new = abs(time.time() - modified_s) < NEW_FOR_S
            if folder not in self._locks and not is_new and not _is_locked(folder / LOCK_NAME):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
        return swept


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
