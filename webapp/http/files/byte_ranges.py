"""Parses the Range header of requests for files (RFC 9110, section 14)."""

import re
from dataclasses import dataclass

# More digits than any file needs, and fewer than Python refuses to parse.
_RANGE = re.compile(r"([0-9]{0,1000})-([0-9]{0,1000})")


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes `first` to `last` of a file, both included."""

    first: int
    last: int

    @property
    def length(self) -> int:
        return self.last - self.first + 1


class UnsatisfiableRange(Exception):
    """The range lies outside the file."""


def requested_range(header: str | None, size: int) -> ByteRange | None:
    """Return the single range that a header requests of a file of `size` bytes.

    None means that the whole file is to be sent: there is no header, or one with another unit, malformed, or
    with several ranges, which a server may ignore. Raises UnsatisfiableRange if the range has no byte of the
    file.
    """
    if header is None:
        return None
    unit, separator, ranges = header.partition("=")
    match = _RANGE.fullmatch(ranges.strip())
    if unit.strip().lower() != "bytes" or not separator or match is None:
        return None
    first_text, last_text = match.groups()
    if not first_text and not last_text:
        return None
    if not first_text:
        return _suffix(int(last_text), size)
    first, last = int(first_text), int(last_text) if last_text else size - 1
    if last_text and last < first:
        return None
    if first >= size:
        raise UnsatisfiableRange
    return ByteRange(first, min(last, size - 1))


def _suffix(length: int, size: int) -> ByteRange:
    if length == 0 or size == 0:
        raise UnsatisfiableRange
    return ByteRange(max(0, size - length), size - 1)
