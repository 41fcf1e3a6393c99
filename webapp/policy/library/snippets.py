"""Texts with what a search found in them marked, as pieces of plain text.

Nothing here is markup: whoever shows a piece writes it as text, and marks it as it likes.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Final

from webapp.policy.library.search import MAX_FOLDED_CHARACTERS, fold, placed_words

LONGEST_SNIPPET: Final = 160
# How much of it may stand before the first match.
_BEFORE: Final = 40
_ELLIPSIS: Final = "…"
# Units of so many characters are folded once and for all.
_REMEMBERED: Final = 8
# Vowels and ends of Korean syllables that are written apart: they join the letter before them.
_JOINING_JAMO: Final = frozenset(map(chr, (*range(0x1160, 0x1200), *range(0xD7B0, 0xD800))))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text, and whether it is what was searched for."""

    text: str
    is_match: bool = False


def marked(text: str, words: Sequence[str]) -> tuple[Piece, ...]:
    """The whole text in pieces, those marked with which a word begins that was asked for.

    `words` are those of `webapp.policy.library.search.query_words`. The pieces put together are the text.
    """
    return _pieces(*_flagged(text, words))


def snippet(text: str, words: Sequence[str], longest: int = LONGEST_SNIPPET) -> tuple[Piece, ...]:
    """Like `marked`, of a long text only the part around the first match; an ellipsis stands for the rest."""
    units, flags = _flagged(text, words)
    if len(text) <= longest:
        return _pieces(units, flags)
    start = max(0, (flags.index(True) if True in flags else 0) - _BEFORE)
    if start:
        start = _behind_space(units, start, start + _BEFORE // 2)
    end = min(len(units), start + longest)
    if end < len(units):
        end = _before_space(units, end, end - _BEFORE // 2)
    head = (Piece(_ELLIPSIS),) if start else ()
    tail = (Piece(_ELLIPSIS),) if end < len(units) else ()
    return (*head, *_pieces(units[start:end], flags[start:end]), *tail)


def _flagged(text: str, words: Sequence[str]) -> tuple[list[str], list[bool]]:
    """The text in units that are folded each by itself, and which of them are matches."""
    units = list(clusters(text))
    folded = [_folded(unit) if len(unit) <= _REMEMBERED else fold(unit) for unit in units]
    flags = [False] * len(units)
    whole = "".join(folded)
    if not words or len(whole) > MAX_FOLDED_CHARACTERS or whole != fold(text):
        # Letters that change each other in a way not known here are shown unmarked.
        return units, flags
    unit_at = [number for number, part in enumerate(folded) for _ in part]
    for word, places in placed_words(whole):
        length = max((len(asked) for asked in words if word.startswith(asked)), default=0)
        for place in places[:length]:
            flags[unit_at[place]] = True
    return units, flags


def clusters(text: str) -> Iterator[str]:
    """Characters, each with the marks and joiners behind it."""
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


def _behind_space(units: Sequence[str], start: int, latest: int) -> int:
    return next((at + 1 for at in range(start, min(latest, len(units))) if units[at].isspace()), start)


def _before_space(units: Sequence[str], end: int, earliest: int) -> int:
    return next((at for at in range(end, earliest, -1) if units[at].isspace()), end)
