"""Tokens of a prompt, and inflected English words folded together."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_TOKEN = re.compile(r"\d+(?:[./:]\d+|s\b)?|\w+(?:['’]\w+)?|[^\w\s]")
_IRREGULAR = {
    "geese": "goose",
    "mice": "mouse",
    "wolves": "wolf",
    "knives": "knife",
    "men": "man",
    "women": "woman",
    "people": "person",
    "children": "child",
    "feet": "foot",
    "oxen": "ox",
    "rang": "ring",
    "blew": "blow",
    "broke": "break",
    "broken": "break",
    "ran": "run",
    "sang": "sing",
    "shot": "shoot",
    "struck": "strike",
    "tore": "tear",
    "torn": "tear",
    "drove": "drive",
    "flew": "fly",
    "fell": "fall",
    "shut": "shut",
    "slid": "slide",
}
_VOWEL = re.compile(r"[aeiouy]")


@dataclass(frozen=True, slots=True)
class Token:
    """One word, number or mark: as typed, case-folded, and where it stands in the prompt."""

    text: str
    folded: str
    start: int
    end: int

    @property
    def is_mark(self) -> bool:
        """Return whether this is punctuation."""
        return not (self.folded[0].isalnum() or self.folded[0] == "_")


def tokenise(prompt: str) -> list[Token]:
    """Split a prompt into words, numbers and marks. A hyphen parts words, ``&`` is the word *and*."""
    text = unicodedata.normalize("NFKC", prompt)
    tokens = []
    for match in _TOKEN.finditer(text):
        folded = _unaccented(match[0].casefold().replace("’", "'").removesuffix("'s")) or match[0]
        if folded == "&":
            folded = "and"
        if folded in {"-", "–", "—", "'", '"', "“", "”"} and not _is_dash(text, match):
            continue
        tokens.append(Token(match[0], folded, match.start(), match.end()))
    return tokens


def _unaccented(word: str) -> str:
    """Take the accents off Latin letters: a café is a cafe."""
    if word.isascii():
        return word
    parted = unicodedata.normalize("NFKD", word)
    return unicodedata.normalize("NFC", "".join(mark for mark in parted if not "\u0300" <= mark <= "\u036f"))


def _is_dash(text: str, match: re.Match[str]) -> bool:
    """Return whether a hyphen stands between blanks, where it parts clauses and not words."""
    return (
        match[0] in "-–—"
        and text[match.start() - 1 : match.start()] == " " == text[match.end() : match.end() + 1]
    )


@lru_cache(maxsize=4096)
def canonical(word: str) -> str:
    """Fold the inflections of an English word together: *barks*, *barked* and *barking* are *bark*.

    The result need not be a word (*crackle* and *crackling* are *crackl*); it is for comparing only.
    """
    if word in _IRREGULAR:
        word = _IRREGULAR[word]
    word = _without_plural(word)
    for ending in ("ing", "ed"):
        stem = word.removesuffix(ending)
        if stem != word and len(stem) > 1 and _VOWEL.search(stem) and not word.endswith("eed"):
            word = stem
            break
    if word.endswith("i"):
        word = f"{word[:-1]}y"
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "eoslz":
        return word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") and not word.endswith("ee") else word


def _without_plural(word: str) -> str:
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    if word.endswith(("shes", "ches", "xes", "sses", "zes")):
        return word[:-2]
    return word[:-1]


def is_plural_of(word: str, singular: str) -> bool:
    """Return whether a word is a noun's plural."""
    return word != singular and _without_plural(_IRREGULAR.get(word, word)) == singular
