"""Reads the elements of EBML (RFC 8794), the container format of WebM, from bytes in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

UNKNOWN: Final = -1
_LONGEST_ID, _LONGEST_SIZE = 4, 8


class Malformed(ValueError):
    """Bytes that are no EBML."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element: its content lies between `begin` and `end`, which is its parent's if it has no size."""

    id: int
    begin: int
    end: int
    has_size: bool


def elements(data: memoryview, begin: int, end: int) -> Iterator[Element]:
    """Give the elements between two positions. Raises Malformed.

    After one of unknown size follows what it contains: who reads it takes its parts for siblings.
    """
    at = begin
    while at < end:
        identity, at = _number(data, at, end, _LONGEST_ID, keeps_marker=True)
        size, at = _number(data, at, end, _LONGEST_SIZE, keeps_marker=False)
        if size == UNKNOWN:
            yield Element(identity, at, end, has_size=False)
            continue
        # The last one of a recording that broke off is cut off with it.
        content_end = min(at + size, end)
        yield Element(identity, at, content_end, has_size=True)
        at += size


def unsigned(data: memoryview, element: Element) -> int:
    """Return the content of an element as a number. Raises Malformed."""
    if element.end - element.begin > 8:
        raise Malformed
    return int.from_bytes(data[element.begin : element.end], "big")


def variable_number(data: memoryview, at: int, end: int) -> tuple[int, int]:
    """Return a number of variable length, and the position after it. Raises Malformed."""
    return _number(data, at, end, _LONGEST_SIZE, keeps_marker=False)


def _number(data: memoryview, at: int, end: int, longest: int, *, keeps_marker: bool) -> tuple[int, int]:
    if at >= end:
        raise Malformed
    first = data[at]
    length = 9 - first.bit_length()
    if length > longest or at + length > end:
        raise Malformed
    value = int.from_bytes(data[at : at + length], "big")
    if keeps_marker:
        return value, at + length
    without = value & ((1 << 7 * length) - 1)
    is_unknown = without == (1 << 7 * length) - 1
    return (UNKNOWN if is_unknown else without), at + length
