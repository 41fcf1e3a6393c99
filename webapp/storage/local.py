"""Sounds in a local folder: written aside, synced, renamed."""

import asyncio
import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

from webapp.errors import is_disk_full

KEY = re.compile(r"[0-9a-f]{20}-[0-9]{1,18}")
FILE_NAME = re.compile(r"sound\.(wav|flac|ogg|mp3)|spectrogram\.png")
# What a group may consist of.
FILE_NAMES = ("sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png")
LOCK_NAME = ".writer"
DOOMED_SUFFIX = ".deleted"
NEW_FOR_S = 60


class LocalStorage:
    """Groups of files as folders `sounds/<first two digits>/<key>/` below one root.

    Files are private to the user that runs the server (0600, folders 0700).
    """

    def __init__(self, root: Path) -> None:
        self._sounds = root / "sounds"
        self._staging = root / "staging"
        self._locks: dict[Path, IO[str]] = {}
        for folder in (self._sounds, self._staging):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def staging_folder(self) -> Path:
        """A new folder, locked for as long as this process lives, so that a sweep leaves it alone."""
        folder = Path(tempfile.mkdtemp(dir=self._staging))
        lock = (folder / LOCK_NAME).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX)
        self._locks[folder] = lock
        return folder

    async def publish(self, key: str, staged: Path, *, is_loose: bool = False) -> None:
        """Sync every file and both folders around one rename, so that power loss leaves all or nothing.

        What is loose has a lock among its files: in hand while it is held, left over once it is not.
        """
        await asyncio.to_thread(self._publish, self._folder(key), staged, is_loose=is_loose)

    async def settle(self, key: str) -> None:
        await asyncio.to_thread(self._settle, self._folder(key))

    async def loosen(self, key: str) -> None:
        try:
            await asyncio.to_thread((self._folder(key) / LOCK_NAME).touch)
        except FileNotFoundError:
            return
        except OSError as error:
            # On a full disk they are deleted all the same; only a crash in between would leave them.
            if not is_disk_full(error):
                raise

    async def loose(self) -> Mapping[str, bool]:
        return await asyncio.to_thread(self._loose)

    async def discard(self, staged: Path) -> None:
        await asyncio.to_thread(shutil.rmtree, staged, ignore_errors=True)
        self._unlock(staged)

    async def path(self, key: str, name: str) -> Path:
        if not FILE_NAME.fullmatch(name):
            raise FileNotFoundError(name)
        path = self._folder(key) / name
        if not await asyncio.to_thread(path.is_file):
            raise FileNotFoundError(path)
        return path

    async def missing(self, wanted: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
        return await asyncio.to_thread(self._missing, wanted)

    async def delete(self, key: str) -> None:
        """Rename first, so that a group is never seen with some of its files gone."""
        await asyncio.to_thread(self._delete, self._folder(key))

    async def keys(self) -> Collection[str]:
        return await asyncio.to_thread(self._keys)

    async def free_bytes(self) -> int | None:
        return (await asyncio.to_thread(shutil.disk_usage, self._sounds)).free

    async def sweep_staging(self) -> int:
        return await asyncio.to_thread(self._sweep_staging)

    def _folder(self, key: str) -> Path:
        if not KEY.fullmatch(key):
            raise FileNotFoundError(key)
        return self._sounds / key[:2] / key

    def _publish(self, folder: Path, staged: Path, *, is_loose: bool) -> None:
        if not is_loose:
            (staged / LOCK_NAME).unlink()
        for path in staged.iterdir():
            path.chmod(0o600)
            _sync(path)
        _sync(staged)
        if not folder.parent.exists():
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(self._sounds)
        staged.rename(folder)
        _sync(folder.parent)
        if is_loose:
            self._locks[folder] = self._locks.pop(staged)
        else:
            self._unlock(staged)

    def _settle(self, folder: Path) -> None:
        (folder / LOCK_NAME).unlink(missing_ok=True)
        self._unlock(folder)

    def _delete(self, folder: Path) -> None:
        # Nothing is made for it, which a full disk would refuse.
        doomed = self._staging / f"{folder.name}{DOOMED_SUFFIX}"
        try:
            shutil.rmtree(doomed, ignore_errors=True)
            folder.rename(doomed)
        except FileNotFoundError:
            pass
        finally:
            shutil.rmtree(doomed, ignore_errors=True)
            self._unlock(folder)

    def _missing(self, wanted: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
        gone = {
            key: tuple(name for name in names if not self._has_content(key, name))
            for key, names in wanted.items()
        }
        return {key: names for key, names in gone.items() if names}

    def _has_content(self, key: str, name: str) -> bool:
        try:
            return (self._folder(key) / name).stat().st_size > 0
        except FileNotFoundError:
            return False

    def _keys(self) -> set[str]:
        return {folder.name for folder in self._sounds.glob("??/*") if KEY.fullmatch(folder.name)}

    def _loose(self) -> dict[str, bool]:
        locks = {key: self._folder(key) / LOCK_NAME for key in self._keys()}
        return {key: _is_locked(lock) for key, lock in locks.items() if lock.exists()}

    def _sweep_staging(self) -> int:
        swept = 0
        for folder in self._staging.iterdir():
            # A folder may be seen just before its lock is taken, or just before it is published.
            is_new = abs(time.time() - folder.stat().st_mtime) < NEW_FOR_S
            if folder not in self._locks and not is_new and not _is_locked(folder / LOCK_NAME):
                shutil.rmtree(folder, ignore_errors=True)
                swept += 1
        return swept

    def _unlock(self, staged: Path) -> None:
        lock = self._locks.pop(staged, None)
        if lock is not None:
            lock.close()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_locked(path: Path) -> bool:
    try:
        with path.open("r") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False
