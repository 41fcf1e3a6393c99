"""Splits a text into sentences and paragraphs, so that each can be spoken by itself."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from webapp.engines.speech.scripts import HAN, HANGUL, NEUTRAL, script_of

# How much eSpeak NG reads of one sentence and of one word, in letters; what is beyond that it leaves out.
LONGEST_SENTENCE: Final = 400
LONGEST_WORD: Final = 80

_PARAGRAPHS: Final = re.compile(r"[\n\r\u000b\f\u0085\u2028\u2029]+")
# What ends a sentence, with the quotes and brackets that close behind it. Scripts without spaces between
# sentences have marks of their own.
_MARK: Final = r".!?\u2026\u061f\u06d4\u0964\u0965\u0589\u104b\u1362\u17d4"
_END: Final = re.compile(
    rf"(?:(?<![{_MARK}])[{_MARK}]+[\"'\u2019\u201d\u00bb)\]]*(?=\s)"
    r"|[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\uff09\u201d]*)\s*"
)
# A point behind one of these ends no sentence; in the languages that eSpeak NG is used for most.
_ABBREVIATIONS: Final = frozenset({
    "dr", "mr", "mrs", "ms", "prof", "st", "sr", "jr", "vs", "etc", "approx", "dept", "fig", "no",
    "vol", "pp", "ed", "eds", "inc", "ltd", "co", "corp", "gen", "col", "sgt", "capt", "lt", "rev",
    "hon", "mt", "ave", "e.g", "i.e", "a.m", "p.m", "u.s", "u.k", "ph.d", "nr", "str", "bzw", "usw",
    "z.b", "d.h", "u.a", "ca", "evtl", "ggf", "inkl", "zzgl", "hr", "fr", "frl", "abb", "bd", "jh",
    "v.chr", "n.chr", "mm", "mme", "mlle", "cf", "ex", "chap", "env", "av", "sra", "srta", "ud", "uds",
    "pág", "dña", "sig", "sigg", "dott", "ing", "pag",
})  # fmt: skip
COMMAS: Final = tuple(",;:\u2013\u2014\u060c\u061b\u3001\uff0c\uff1a\uff1b")
_COMMA: Final = re.compile(r"[,;:\u2013\u2014]\s+|[\u060c\u061b\u3001\uff0c\uff1a\uff1b]\s*")
_SPACE: Final = re.compile(r"\s+")
_WORD: Final = re.compile(r"\S+")
_LAST_WORD: Final = re.compile(r"(\S+)$")


def paragraphs(text: str) -> list[str]:
    """The lines of a text that hold anything."""
    return [line for part in _PARAGRAPHS.split(text) if (line := part.strip())]


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of one paragraph in order; together they are all of it but the space between."""
    begin = 0
    for match in _END.finditer(paragraph):
        if _is_end(paragraph[begin : match.start()], match[0], paragraph[match.end() :]):
            yield paragraph[begin : match.end()].strip()
            begin = match.end()
    rest = paragraph[begin:].strip()
    if rest:
        yield rest


def breaths(sentence: str) -> Iterator[str]:
    """A sentence in parts that an engine reads to their end: one, unless it is very long.

    It is parted behind a comma, else at a space, and within a word only where that is endless. Together the
    parts are all of it but the space between.
    """
    left = _WORD.sub(_within_bounds, sentence)
    while (reach := _reach(left, LONGEST_SENTENCE)) < len(left):
        cut = _last(_COMMA, left, reach // 2, reach) or _last(_SPACE, left, 1, reach) or reach
        yield left[:cut].strip()
        left = left[cut:].strip()
    if left:
        yield left


def _is_end(before: str, mark: str, after: str) -> bool:
    if not after or not before:
        return False
    if mark.strip() != ".":
        return True
    if after[0].islower():
        return False
    found = _LAST_WORD.search(before)
    word = found[1].lstrip("(\"'").lower() if found else ""
    # Initials, and ordinal numbers as German and others write them.
    is_short = len(word) == 1 or (word.isdecimal() and len(word) <= 2)
    return not (is_short or word in _ABBREVIATIONS)


def _last(mark: re.Pattern[str], text: str, begin: int, end: int) -> int:
    """Behind the last of these marks in a part of a text; 0 where there is none."""
    return max((match.end() for match in mark.finditer(text, begin, end)), default=0)


def _within_bounds(word: re.Match[str]) -> str:
    """A word with spaces where an engine would stop reading it."""
    written, said = [], 0
    for character in word[0]:
        kind = unicodedata.category(character)[0]
        if kind == "P" or script_of(character) == HAN:
            said = 0
        elif said >= LONGEST_WORD and kind != "M":
            written.append(" ")
            said = 0
        said += _size(character)
        written.append(character)
    return "".join(written)


def _reach(text: str, longest: int) -> int:
    """Return how many characters fit into so much speech; never cuts before a mark on a letter."""
    said = 0
    for place, character in enumerate(text):
        said += _size(character)
        if said > longest and place and unicodedata.category(character)[0] != "M":
            return place
    return len(text)


def _size(character: str) -> int:
    """Return how much there is to say for a character, in letters; measured by what eSpeak NG makes of it."""
    if character.isdecimal():
        return 4
    if character < "\u0e00":
        return 1
    kind, script = unicodedata.category(character)[0], script_of(character)
    if kind == "S":
        # A picture's name has several words.
        return 8
    if kind == "L" and script == NEUTRAL:
        # Nobody reads it: each letter is told by its number.
        return 16
    return 4 if script == HANGUL else 2
