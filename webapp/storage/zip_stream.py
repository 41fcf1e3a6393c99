"""A zip archive that is sent while it is made: nothing of it is kept, on disk or in memory."""

import asyncio
import zipfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Final

_READABLE: Final = 0o644
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)


class _Sink:
    """Where the archive is written to, and soon taken from. It has no way back, and zipfile sees that."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._chunks.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Nothing: what is written is there."""

    def close(self) -> None:
        """Nothing: there is nothing to let go."""

    def take(self) -> bytes:
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


class ZipStream:
    """Entries are stored, since sound hardly gets smaller; ZIP64 where it must be."""

    def __init__(self) -> None:
        self._sink = _Sink()
        self._zip = zipfile.ZipFile(self._sink, "w")

    async def add(
        self, name: str, content: Iterator[bytes], size_bytes: int, made_ms: int
    ) -> AsyncIterator[bytes]:
        """Add one file; gives what is to be sent. `content` is read in a thread, piece by piece."""
        info = zipfile.ZipInfo(name, _moment(made_ms))
        info.external_attr = _READABLE << 16
        info.file_size = size_bytes
        with self._zip.open(info, "w") as entry:
            while True:
                piece = await asyncio.to_thread(next, content, None)
                if piece is None:
                    break
                await asyncio.to_thread(entry.write, piece)
                yield self._sink.take()

    def end(self) -> bytes:
        """The archive's table of contents, which ends it."""
        self._zip.close()
        return self._sink.take()


def _moment(made_ms: int) -> tuple[int, int, int, int, int, int]:
    moment = datetime.fromtimestamp(made_ms / 1000, UTC)
    fields = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return max(fields, _EARLIEST)
