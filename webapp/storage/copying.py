"""Copies the files of many groups at once, in a few threads: not one hop to a thread for each file."""

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path

from webapp.storage.storage import CopiedFile, Wanted

# Gives the pieces of a file. Raises FileNotFoundError, at the latest with the first piece. Blocking.
Reader = Callable[[str, str], Iterable[bytes]]


async def copy_out(
    read: Reader, wanted: Wanted, target: Path, *, threads: int
) -> dict[str, list[CopiedFile]]:
    """Copy to `target/<key>/<name>` whatever of the wanted files is there; `target` is there already."""
    copier = _Copier(read, target)
    try:
        return await asyncio.to_thread(copier.run, wanted, threads)
    finally:
        # Threads cannot be interrupted; one that nobody waits for any more ends after its piece.
        copier.is_over = True


class _Copier:
    def __init__(self, read: Reader, target: Path) -> None:
        self._read = read
        self._target = target
        self.is_over = False

    def run(self, wanted: Wanted, threads: int) -> dict[str, list[CopiedFile]]:
        with ThreadPoolExecutor(threads, thread_name_prefix="copying") as pool:
            try:
                return dict(pool.map(self._copy_group, wanted.items()))
            except BaseException:
                self.is_over = True
                raise

    def _copy_group(self, group: tuple[str, Collection[str]]) -> tuple[str, list[CopiedFile]]:
        key, names = group
        copied = []
        for name in names:
            if self.is_over:
                break
            pieces = iter(self._read(key, name))
            try:
                first = next(pieces, b"")
            except FileNotFoundError:
                continue
            copied.append(self._copy(chain([first], pieces), self._target / key / name))
        return key, copied

    def _copy(self, pieces: Iterable[bytes], path: Path) -> CopiedFile:
        digest, size = hashlib.sha256(), 0
        path.parent.mkdir(exist_ok=True)
        with path.open("wb") as copy:
            for piece in pieces:
                if self.is_over:
                    break
                digest.update(piece)
                size += len(piece)
                copy.write(piece)
        return CopiedFile(path.name, size, digest.hexdigest())


def lacking(wanted: Wanted, has_content: Callable[[str, str], bool]) -> dict[str, tuple[str, ...]]:
    """Of the files wanted of each group, find those without content; only groups that lack some."""
    gone = {key: tuple(name for name in names if not has_content(key, name)) for key, names in wanted.items()}
    return {key: names for key, names in gone.items() if names}
