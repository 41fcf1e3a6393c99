"""Marks the matches of a search in texts, as pieces of plain text.

Nothing here is markup: the caller renders and escapes each piece.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from webapp.policy.library.search import MAX_FOLDED_CHARACTERS, fold, words_with_offsets

LONGEST_SNIPPET: Final = 160
# The most characters of it before the first match.
_BEFORE: Final = 40
_ELLIPSIS: Final = "…"
# Clusters of at most this length are folded through a cache.
_CACHED_LENGTH: Final = 8
# Vowels and final consonants of decomposed Korean syllables, which combine with the letter before them.
_JOINING_JAMO: Final = frozenset(map(chr, (*range(0x1160, 0x1200), *range(0xD7B0, 0xD800))))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and whether it matches the search."""

    text: str
    is_match: bool = False


def marked(text: str, prefixes: Sequence[str]) -> tuple[Piece, ...]:
    """Split a text into pieces, with the matched prefixes of words marked. Joined, the pieces are the text.

    `prefixes` are those of `webapp.policy.library.search.query_words`.
    """
    return _pieces(*_flagged(text, prefixes))


def snippet(text: str, prefixes: Sequence[str], longest: int = LONGEST_SNIPPET) -> tuple[Piece, ...]:
    """Like `marked`; of a long text only the part around the first match, with ellipses for the rest."""
    units, flags = _flagged(text, prefixes)
    if len(text) <= longest:
        return _pieces(units, flags)
    start = max(0, (flags.index(True) if True in flags else 0) - _BEFORE)
    if start:
        start = _after_space(units, start, start + _BEFORE // 2)
    end = min(len(units), start + longest)
    if end < len(units):
        end = _before_space(units, end, end - _BEFORE // 2)
    head = (Piece(_ELLIPSIS),) if start else ()
    tail = (Piece(_ELLIPSIS),) if end < len(units) else ()
    return (*head, *_pieces(units[start:end], flags[start:end]), *tail)


def _flagged(text: str, prefixes: Sequence[str]) -> tuple[list[str], list[bool]]:
    """Split a text into units that fold independently, and flag those that match."""
    units = list(clusters(text))
    folded = [_folded(unit) if len(unit) <= _CACHED_LENGTH else fold(unit) for unit in units]
    flags = [False] * len(units)
    whole = "".join(folded)
    if not prefixes or len(whole) > MAX_FOLDED_CHARACTERS or whole != fold(text):
        # Some letters affect each other when folded; then offsets are unknown, and nothing is marked.
        return units, flags
    unit_at = [number for number, part in enumerate(folded) for _ in part]
    for word, offsets in words_with_offsets(whole):
        length = max((len(prefix) for prefix in prefixes if word.startswith(prefix)), default=0)
        for offset in offsets[:length]:
            flags[unit_at[offset]] = True
    return units, flags


def clusters(text: str) -> Iterator[str]:
    """Yield the characters of a text, each with the marks and joiners after it."""
    unit = ""
    for character in text:
        if unit and not _joins(character):
            yield unit
            unit = ""
        unit += character
    if unit:
        yield unit


@lru_cache(maxsize=4_096)
def _folded(unit: str) -> str:
    return fold(unit)


@lru_cache(maxsize=4_096)
def _joins(character: str) -> bool:
    first = unicodedata.normalize("NFKD", character)[0]
    return unicodedata.category(first) in {"Mn", "Mc", "Me", "Cf"} or first in _JOINING_JAMO


def _pieces(units: Sequence[str], flags: Sequence[bool]) -> tuple[Piece, ...]:
    pairs = groupby(zip(units, flags, strict=True), key=lambda pair: pair[1])
    return tuple(Piece("".join(unit for unit, _ in group), is_match) for is_match, group in pairs)


def _after_space(units: Sequence[str], start: int, latest: int) -> int:
    return next((at + 1 for at in range(start, min(latest, len(units))) if units[at].isspace()), start)


def _before_space(units: Sequence[str], end: int, earliest: int) -> int:
    return next((at for at in range(end, earliest, -1) if units[at].isspace()), end)
