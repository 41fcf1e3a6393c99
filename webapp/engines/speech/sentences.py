"""Splits a text into sentences and paragraphs, so that each can be spoken by itself."""

import re
from collections.abc import Iterator
from typing import Final

LONGEST_SENTENCE: Final = 400

_PARAGRAPHS: Final = re.compile(r"[\n\r\u000b\f\u0085\u2028\u2029]+")
# What ends a sentence, with the quotes and brackets that close behind it. Scripts without spaces between
# sentences have marks of their own.
_END: Final = re.compile(
    r"(?:[.!?\u2026\u061f\u06d4\u0964\u0965\u0589\u1362]+[\"'\u2019\u201d\u00bb)\]]*(?=\s)"
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
_BREAKS: Final = re.compile(r"[,;:\u3001\uff0c\uff1b\u2014]\s*|\s+")
_LAST_WORD: Final = re.compile(r"(\S+)$")


def paragraphs(text: str) -> list[str]:
    """The lines of a text that hold anything."""
    return [line for part in _PARAGRAPHS.split(text) if (line := part.strip())]


def sentences(paragraph: str) -> Iterator[str]:
    """The sentences of one paragraph in order; together they are all of it but the space between.

    One of over 400 characters is parted at a comma or a space, or where it must be.
    """
    begin = 0
    for match in _END.finditer(paragraph):
        if _is_end(paragraph[begin : match.start()], match[0], paragraph[match.end() :]):
            yield from _bounded(paragraph[begin : match.end()].strip())
            begin = match.end()
    rest = paragraph[begin:].strip()
    if rest:
        yield from _bounded(rest)


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


def _bounded(sentence: str) -> Iterator[str]:
    while len(sentence) > LONGEST_SENTENCE:
        cuts = [match.end() for match in _BREAKS.finditer(sentence, 1, LONGEST_SENTENCE)]
        cut = cuts[-1] if cuts else LONGEST_SENTENCE
        yield sentence[:cut].strip()
        sentence = sentence[cut:].strip()
    if sentence:
        yield sentence
