"""A file of an object store, and what the store's client raises."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from typing import Final

from obstore.exceptions import BaseError
from obstore.store import S3Store

from webapp.errors import StorageAway

# A reader is sent a file in windows. The first is small, so that a sound begins at once.
FIRST_WINDOW_BYTES: Final = 256 * 1024
WINDOW_BYTES: Final = 1 << 20
# A connection that breaks within a window is beyond what the client tries again by itself.
TRIES: Final = 3


@contextmanager
def object_faults() -> Iterator[None]:
    """Raise StorageAway in place of the client's own errors; FileNotFoundError for an object stays."""
    try:
        yield
    except FileNotFoundError as error:
        if "NoSuchBucket" in str(error):
            raise StorageAway("the bucket does not exist") from error
        raise
    except (BaseError, OSError) as error:
        # What follows the first line is for those who mend the client.
        raise StorageAway(str(error).partition("\n")[0]) from error


class ObjectFile:
    """A file of the store. Each piece is a request of its own, so a slow reader keeps no connection busy."""

    def __init__(self, store: S3Store, path: str, version: str, size_bytes: int, modified_s: float) -> None:
        self._store = store
        self._path = path
        self.size_bytes: Final = size_bytes
        self.modified_s: Final = modified_s
        self.version: Final = version

    async def read(self, first: int, length: int) -> AsyncGenerator[bytes, None]:
        """Fetch one window while the one before is sent."""
        windows = _windows(first, length)
        coming = self._fetch(next(windows, None))
        try:
            while coming is not None:
                piece = await coming
                coming = self._fetch(next(windows, None))
                yield piece
        finally:
            if coming is not None:
                coming.cancel()
                await asyncio.gather(coming, return_exceptions=True)

    def close(self) -> None:
        """Nothing is held."""

    def _fetch(self, window: tuple[int, int] | None) -> asyncio.Task[bytes] | None:
        return asyncio.create_task(self._piece(*window)) if window else None

    async def _piece(self, first: int, length: int) -> bytes:
        for left in reversed(range(TRIES)):
            try:
                with object_faults():
                    piece = await self._store.get_range_async(self._path, start=first, length=length)
            except StorageAway:
                if not left:
                    raise
            else:
                return bytes(piece)
        raise AssertionError("unreachable")


def _windows(first: int, length: int) -> Iterator[tuple[int, int]]:
    """Split a range into where each window begins and how long it is."""
    at, end, longest = first, first + length, FIRST_WINDOW_BYTES
    while at < end:
        yield at, min(longest, end - at)
        at, longest = at + longest, WINDOW_BYTES
