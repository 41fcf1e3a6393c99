"""Splits texts into normalised words for search, so that every database compares the same plain words.

Text is split at everything but letters, digits and symbols. Folding removes case, accents, vowel points,
ligatures and widths. Scripts without spaces between words are indexed as overlapping pairs of characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

MAX_WORD_CHARACTERS: Final = 64
# Further words of a query are ignored.
MAX_QUERY_WORDS: Final = 32
# The length of the longest prompt.
MAX_QUERY_CHARACTERS: Final = 1_000
# Folding can expand one character to 18, so folded texts are cut: to twice the length of the longest text.
MAX_FOLDED_CHARACTERS: Final = 10_000
# The limit of Unicode's stream-safe form for marks on one letter (UAX #15); further ones are dropped, because
# sorting marks takes quadratic time.
MAX_MARKS: Final = 30

# The marks of Latin, Greek and Cyrillic, the points of Hebrew and Arabic, and variation selectors. The vowel
# signs of Indic scripts and the voicing marks of kana are kept, because they distinguish words.
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
# Only two marks, those of halfwidth kana, are word characters.
_MANY_MARKS: Final = re.compile(rf"[\W\uff9e\uff9f]{{{MAX_MARKS + 1}}}")
# Letters that Unicode does not decompose.
_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŧ": "t"}
)
# Han, kana, Thai, Lao, Burmese, Khmer, Tibetan.
_UNSPACED: Final = re.compile(
    "([\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\U00020000-\U0003ffff]+)"
)


def fold(text: str) -> str:
    """Remove case, accents and compatibility forms. Folding is idempotent."""
    while True:
        apart = _normal("NFKD", text.casefold()).translate(_LETTERS)
        folded = _normal("NFC", _MARKS.sub("", apart)).casefold()
        if folded == text:
            return folded
        text = folded


def _normal(form: Literal["NFC", "NFKD"], text: str) -> str:
    return unicodedata.normalize(form, _with_few_marks(text) if _MANY_MARKS.search(text) else text)


def _with_few_marks(text: str) -> str:
    kept, marks = [], 0
    for character in text:
        first = unicodedata.normalize("NFKD", character)[0]
        marks = marks + 1 if unicodedata.combining(first) else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return "".join(kept)


def search_words(text: str) -> list[str]:
    """Return the words by which a text can be found, each once, in order."""
    return list(dict.fromkeys(_words(text, is_query=False)))


def query_words(text: str) -> list[str]:
    """Return the prefixes of a query.

    A text matches if each is the prefix of one of its words; no prefix matches none.
    """
    found = dict.fromkeys(_words(text[:MAX_QUERY_CHARACTERS], is_query=True))
    return list(found)[:MAX_QUERY_WORDS]


def words_with_offsets(folded: str) -> Iterator[tuple[str, list[int]]]:
    """Yield the words of a folded text, each with the offsets of its characters."""
    yield from _words_with_offsets(folded, is_query=False)


def _words(text: str, *, is_query: bool) -> Iterator[str]:
    for word, _ in _words_with_offsets(fold(text)[:MAX_FOLDED_CHARACTERS], is_query=is_query):
        yield word


def _words_with_offsets(folded: str, *, is_query: bool) -> Iterator[tuple[str, list[int]]]:
    for run, offsets in _runs(folded):
        start = 0
        for piece in _UNSPACED.split(run):
            piece_offsets = offsets[start : start + len(piece)]
            start += len(piece)
            if _UNSPACED.fullmatch(piece):
                yield from _pairs(piece, piece_offsets, is_query=is_query)
            elif piece:
                yield piece[:MAX_WORD_CHARACTERS], piece_offsets[:MAX_WORD_CHARACTERS]


def _pairs(run: str, offsets: list[int], *, is_query: bool) -> Iterator[tuple[str, list[int]]]:
    # A text's last character is also a word by itself, so that a query can begin at every character.
    last = len(run) - 1 if is_query and len(run) > 1 else len(run)
    for start in range(last):
        yield run[start : start + 2], offsets[start : start + 2]


def _runs(folded: str) -> Iterator[tuple[str, list[int]]]:
    """Yield runs of letters, digits and marks, with their offsets.

    A symbol, such as an emoji, is one by itself.
    """
    offsets: list[int] = []
    for offset, character in enumerate(folded):
        category = unicodedata.category(character)
        if category == "Cf":
            continue  # joiners and soft hyphens are inside words
        if category[0] in "LMN":
            offsets.append(offset)
            continue
        if offsets:
            yield "".join(folded[index] for index in offsets), offsets
        offsets = []
        if category == "So":
            yield character, [offset]
    if offsets:
        yield "".join(folded[index] for index in offsets), offsets
