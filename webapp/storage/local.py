"""Sounds in a local folder: written aside, synced, renamed."""

import asyncio
import os
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final

from webapp.errors import StorageAway
from webapp.storage.copying import copy_out, lacking
from webapp.storage.names import KEY, MARK_NAME, file_path, group_path
from webapp.storage.pieces import LocalPieces
from webapp.storage.staging import LOCK_NAME, Staging
from webapp.storage.storage import CopiedFile, Wanted
from webapp.threads import open_in_thread

CHUNK_BYTES: Final = 256 * 1024
COPIED_BYTES: Final = 1 << 20
DOOMED_SUFFIX: Final = ".deleted"
COPYING_THREADS: Final = 4
SHARED_KEYS: Final = 5_000


class FolderFile:
    """An open file of a folder. It is read whole even if it is deleted meanwhile."""

    def __init__(self, path: Path) -> None:
        """Open it, which blocks. Raises FileNotFoundError."""
        self._handle: Final[IO[bytes]] = path.open("rb")
        try:
            stat = os.fstat(self._handle.fileno())
        except BaseException:
            self._handle.close()
            raise
        self.size_bytes: Final = stat.st_size
        self.modified_s: Final = stat.st_mtime
        # Its folder's name says which version it is.
        self.version: Final = f"{path.parent.name}-{stat.st_size:x}"

    async def read(self, first: int, length: int) -> AsyncGenerator[bytes, None]:
        self._handle.seek(first)
        while length:
            chunk = await asyncio.to_thread(self._handle.read, min(CHUNK_BYTES, length))
            if not chunk:
                raise OSError("the file became shorter while it was sent")
            length -= len(chunk)
            yield chunk

    def close(self) -> None:
        self._handle.close()


async def open_folder_file(path: Path) -> FolderFile:
    """Open a file in a thread. Raises FileNotFoundError."""
    return await open_in_thread(lambda: FolderFile(path))


class LocalStorage:
    """Groups of files as folders `sounds/<first two digits>/<key>/` below one root.

    Files are private to the user that runs the server (0600, folders 0700).
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._sounds = root / "sounds"
        self._staging = Staging(root)
        self._pieces_of_streams = LocalPieces(root)
        self._sounds.mkdir(mode=0o700, parents=True, exist_ok=True)

    @property
    def location(self) -> str:
        return str(self._root)

    @property
    def origin(self) -> str:
        return ""

    @property
    def pieces(self) -> LocalPieces:
        return self._pieces_of_streams

    def staging_folder(self) -> Path:
        return self._staging.folder()

    async def publish(self, key: str, staged: Path) -> None:
        """Sync every file and both folders around one rename, so that power loss leaves all or nothing."""
        await asyncio.to_thread(self._publish, self._folder(key), staged)

    async def discard(self, staged: Path) -> None:
        await self._staging.discard(staged)

    def path(self, key: str, name: str) -> Path:
        """Where a file is if it is there. Raises FileNotFoundError for names that are not ours."""
        return self._root / file_path(key, name)

    async def open(self, key: str, name: str) -> FolderFile:
        return await open_folder_file(self.path(key, name))

    @asynccontextmanager
    async def local_file(self, key: str, name: str) -> AsyncIterator[Path]:
        yield self.path(key, name)

    async def signed_url(self, key: str, name: str, *, method: str, for_s: int) -> str | None:
        return None

    async def copy_out(self, wanted: Wanted, target: Path) -> Mapping[str, Sequence[CopiedFile]]:
        return await copy_out(self._pieces, wanted, target, threads=COPYING_THREADS)

    async def missing(self, wanted: Wanted) -> Mapping[str, tuple[str, ...]]:
        return await asyncio.to_thread(lacking, wanted, self._has_content)

    async def delete(self, key: str) -> None:
        """Rename first, so that a group is never seen with some of its files gone."""
        await asyncio.to_thread(self._delete, self._folder(key))

    async def keys(self) -> Collection[str]:
        return {key async for share in self.key_shares() for key in share}

    async def key_shares(self) -> AsyncGenerator[Collection[str], None]:
        left = iter(await asyncio.to_thread(self._shards))
        while share := await asyncio.to_thread(_next_keys, left):
            yield share

    async def free_bytes(self) -> int | None:
        return (await asyncio.to_thread(shutil.disk_usage, self._sounds)).free

    async def sweep_staging(self) -> int:
        return await self._staging.sweep()

    async def mark(self) -> str:
        return await asyncio.to_thread(self._mark)

    async def write_mark(self, text: str) -> str:
        await asyncio.to_thread(self._write_mark, text)
        return await self.mark()

    async def require(self) -> None:
        if not await asyncio.to_thread(self._sounds.is_dir):
            raise StorageAway(f"{self._sounds} is not there")

    def _folder(self, key: str) -> Path:
        return self._root / group_path(key)

    def _publish(self, folder: Path, staged: Path) -> None:
        (staged / LOCK_NAME).unlink(missing_ok=True)
        for path in staged.iterdir():
            path.chmod(0o600)
            _sync(path)
        _sync(staged)
        if not folder.parent.exists():
            folder.parent.mkdir(mode=0o700, exist_ok=True)
            _sync(self._sounds)
        staged.rename(folder)
        _sync(folder.parent)
        self._staging.release(staged)

    def _delete(self, folder: Path) -> None:
        # Nothing is made for it, which a full disk would refuse.
        doomed = self._staging.root / f"{folder.name}{DOOMED_SUFFIX}"
        try:
            shutil.rmtree(doomed, ignore_errors=True)
            folder.rename(doomed)
        except FileNotFoundError:
            pass
        finally:
            shutil.rmtree(doomed, ignore_errors=True)

    def _pieces(self, key: str, name: str) -> Iterator[bytes]:
        with self.path(key, name).open("rb") as file:
            while piece := file.read(COPIED_BYTES):
                yield piece

    def _has_content(self, key: str, name: str) -> bool:
        try:
            return self.path(key, name).stat().st_size > 0
        except FileNotFoundError:
            return False

    def _shards(self) -> list[Path]:
        return sorted(folder for folder in self._sounds.glob("??") if folder.is_dir())

    def _mark(self) -> str:
        try:
            return (self._root / MARK_NAME).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return ""

    def _write_mark(self, text: str) -> None:
        """Write it aside and rename it, so that it is whole or not there."""
        mark, aside = self._root / MARK_NAME, self._root / f".{MARK_NAME}"
        if mark.exists():
            return
        aside.write_text(f"{text}\n", encoding="utf-8")
        _sync(aside)
        aside.rename(mark)
        _sync(self._root)


def _next_keys(shards: Iterator[Path]) -> set[str]:
    """Read the keys in as many of these folders as it takes for a share."""
    keys: set[str] = set()
    for shard in shards:
        keys |= {folder.name for folder in shard.iterdir() if KEY.fullmatch(folder.name)}
        if len(keys) >= SHARED_KEYS:
            break
    return keys


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
