"""Splits a text into sentences and paragraphs, so that each can be spoken by itself."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final

from webapp.engines.speech.reading.scripts import HAN, HANGUL, NEUTRAL, script_of

# How much eSpeak NG reads of one sentence and of one word, in letters; it skips the rest.
LONGEST_SENTENCE: Final = 400
LONGEST_WORD: Final = 80
# Without a blank, whatever marks are in between: it crashes over longer ones.
LONGEST_RUN: Final = 160

_PARAGRAPHS: Final = re.compile(r"[\n\r\u000b\f\u0085\u2028\u2029]+")
# The end of a sentence, with closing quotes and brackets. Scripts without spaces between sentences have marks
# of their own.
_MARK: Final = r".!?\u2026\u061f\u06d4\u0964\u0965\u0589\u104b\u1362\u17d4"
_END: Final = re.compile(
    rf"(?:(?<![{_MARK}])[{_MARK}]+[\"'\u2019\u201d\u00bb)\]]*(?=\s)"
    r"|[\u3002\uff01\uff1f\uff61]+[\u300d\u300f\uff09\u201d]*)\s*"
)
_LAST_END: Final = re.compile(rf"[{_MARK}\u3002\uff01\uff1f\uff61][^\w\s]*\s*$")
# A full stop after one of these does not end a sentence; from the most common languages.
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
    """Return the lines of a text that are not blank."""
    return [line for part in _PARAGRAPHS.split(text) if (line := part.strip())]


def sentences(paragraph: str) -> Iterator[str]:
    """Split a paragraph into sentences; only the space between them is lost."""
    start = 0
    for match in _END.finditer(paragraph):
        if _is_end(paragraph[start : match.start()], match[0], paragraph[match.end() :]):
            yield paragraph[start : match.end()].strip()
            start = match.end()
    rest = paragraph[start:].strip()
    if rest:
        yield rest


def ends_sentence(text: str) -> bool:
    """Return whether a text ends with the mark of a sentence's end."""
    return bool(_LAST_END.search(text))


def breaths(sentence: str) -> Iterator[str]:
    """Split a sentence into parts that an engine reads to their end: one, unless it is very long.

    It is split after a comma, else at a space, and only an extremely long word is split itself. Only the
    space between the parts is lost.
    """
    remaining = _WORD.sub(_split_long_word, sentence)
    while (end := _fitting(remaining, LONGEST_SENTENCE)) < len(remaining):
        cut = _last(_COMMA, remaining, end // 2, end) or _last(_SPACE, remaining, 1, end) or end
        yield remaining[:cut].strip()
        remaining = remaining[cut:].strip()
    if remaining:
        yield remaining


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


def _last(mark: re.Pattern[str], text: str, start: int, end: int) -> int:
    """Return the end of the last of these marks in a part of a text; 0 if there is none."""
    return max((match.end() for match in mark.finditer(text, start, end)), default=0)


def _split_long_word(word: re.Match[str]) -> str:
    """Insert spaces into a word where an engine would stop reading it."""
    written, letters, length = [], 0, 0
    for character in word[0]:
        kind = unicodedata.category(character)[0]
        length = 0 if script_of(character) == HAN else length + 1
        if length > LONGEST_RUN and kind != "M":
            written.append(" ")
            length = letters = 0
        if kind == "P" or script_of(character) == HAN:
            letters = 0
        elif letters >= LONGEST_WORD and kind != "M":
            written.append(" ")
            letters = 0
        letters += _size(character)
        written.append(character)
    return "".join(written)


def _fitting(text: str, longest: int) -> int:
    """Return how many characters fit into a length of speech; never cuts before a combining mark."""
    letters = 0
    for index, character in enumerate(text):
        letters += _size(character)
        if letters > longest and index and unicodedata.category(character)[0] != "M":
            return index
    return len(text)


def _size(character: str) -> int:
    """Return how long a character takes to speak, in letters; measured with eSpeak NG."""
    if character.isdecimal():
        return 4
    if character < "\u0e00":
        return 1
    kind, script = unicodedata.category(character)[0], script_of(character)
    if kind == "S":
        # An emoji's name has several words.
        return 8
    if kind == "L" and script == NEUTRAL:
        # No language reads it: each letter is spelled by its number.
        return 16
    return 4 if script == HANGUL else 2
