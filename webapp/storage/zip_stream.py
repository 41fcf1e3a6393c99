"""Streams a zip archive while it is created, without keeping it on disk or in memory.

Entries are stored uncompressed, since sound hardly compresses, with size and checksum in front. A reader that
reads the archive sequentially, such as Java's `ZipInputStream`, cannot find the end of a stored entry
otherwise.
"""

import asyncio
import stat
import struct
import zlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

# From these values on a number is in the ZIP64 fields, and its own field has the marker below.
LIMIT_32: Final = 0xFFFF_FFFF
LIMIT_16: Final = 0xFFFF
_ELSEWHERE_32: Final = 0xFFFF_FFFF
_ELSEWHERE_16: Final = 0xFFFF
_VERSION: Final = 20
_ZIP64_VERSION: Final = 45
_MADE_ON_UNIX: Final = 3 << 8
_UTF8: Final = 1 << 11
_STORED: Final = 0
_PLAIN_FILE: Final = stat.S_IFREG | 0o644


@dataclass(frozen=True, slots=True)
class Measured:
    """The size and checksum (CRC-32) of content to be stored."""

    size_bytes: int
    checksum: int

    @classmethod
    def of(cls, pieces: Iterator[bytes]) -> "Measured":
        """Measure content. It blocks, so use it in a thread."""
        size_bytes, checksum = 0, 0
        for piece in pieces:
            size_bytes += len(piece)
            checksum = zlib.crc32(piece, checksum)
        return cls(size_bytes, checksum)


class NotAsMeasured(Exception):
    """A file changed between being measured and being stored."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A file's entry in the table of contents."""

    name: bytes
    measured: Measured
    made: tuple[int, int]
    offset: int


class ZipStream:
    """Writes an archive sequentially (PKWARE's APPNOTE 6.3), with ZIP64 only where it is necessary."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []
        self._length = 0

    async def add(
        self, name: str, content: Iterator[bytes], measured: Measured, made_ms: int
    ) -> AsyncIterator[bytes]:
        """Add one file; yield the bytes to send. `content` is read in a thread, piece by piece.

        Raises NotAsMeasured if it has changed since it was measured; the archive is then broken.
        """
        entry = _Entry(name.encode(), measured, _dos_moment(made_ms), self._length)
        yield self._sent(_local_header(entry))
        left_bytes, checksum = measured.size_bytes, 0
        while (piece := await asyncio.to_thread(next, content, None)) is not None:
            left_bytes -= len(piece)
            if left_bytes < 0:
                break
            checksum = zlib.crc32(piece, checksum)
            yield self._sent(piece)
        if left_bytes or checksum != measured.checksum:
            raise NotAsMeasured(f"{name} changed while it was sent")
        self._entries.append(entry)

    def end(self) -> bytes:
        """Return the archive's table of contents, which ends it."""
        contents = b"".join(map(_table_entry, self._entries))
        return contents + _end(len(self._entries), len(contents), self._length)

    def _sent(self, data: bytes) -> bytes:
        self._length += len(data)
        return data


def _local_header(entry: _Entry) -> bytes:
    size = entry.measured.size_bytes
    extra = _zip64_extra(size, size) if size >= LIMIT_32 else b""
    told = _told(size)
    head = struct.pack(
        "<4s5H3L2H", b"PK\x03\x04", *_common(entry, extra), told, told, len(entry.name), len(extra)
    )
    return head + entry.name + extra


def _table_entry(entry: _Entry) -> bytes:
    size, offset = entry.measured.size_bytes, entry.offset
    beyond = [*[size, size] * (size >= LIMIT_32), *[offset] * (offset >= LIMIT_32)]
    extra = _zip64_extra(*beyond) if beyond else b""
    told = _told(size)
    head = struct.pack(
        "<4sH5H3L5H2L", b"PK\x01\x02", _MADE_ON_UNIX | _ZIP64_VERSION, *_common(entry, extra), told, told,
        len(entry.name), len(extra), 0, 0, 0, _PLAIN_FILE << 16, _told(offset),
    )  # fmt: skip
    return head + entry.name + extra


def _common(entry: _Entry, extra: bytes) -> tuple[int, int, int, int, int, int]:
    """Return the fields that both headers share: version needed, flags, method, time, date, checksum."""
    version = _ZIP64_VERSION if extra else _VERSION
    flags = 0 if entry.name.isascii() else _UTF8
    date, time = entry.made
    return version, flags, _STORED, time, date, entry.measured.checksum


def _end(entries: int, length: int, begin: int) -> bytes:
    """Return the end records of the archive: the number of entries, and where their table is."""
    count = _ELSEWHERE_16 if entries >= LIMIT_16 else entries
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, _told(length), _told(begin), 0)
    if entries < LIMIT_16 and max(length, begin) < LIMIT_32:
        return last
    versions = (_MADE_ON_UNIX | _ZIP64_VERSION, _ZIP64_VERSION)
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, *versions, 0, 0, entries, entries, length, begin)
    where = struct.pack("<4sLQL", b"PK\x06\x07", 0, begin + length, 1)
    return record + where + last


def _told(figure: int) -> int:
    return _ELSEWHERE_32 if figure >= LIMIT_32 else figure


def _zip64_extra(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", 1, 8 * len(numbers), *numbers)


def _dos_moment(made_ms: int) -> tuple[int, int]:
    """Return date and time in the DOS format: from 1980 to 2107, in steps of two seconds."""
    moment = datetime.fromtimestamp(made_ms / 1000, UTC)
    year = min(max(moment.year, 1980), 2107)
    if year != moment.year:
        return (year - 1980) << 9 | 1 << 5 | 1, 0
    date = (year - 1980) << 9 | moment.month << 5 | moment.day
    return date, moment.hour << 11 | moment.minute << 5 | moment.second // 2
