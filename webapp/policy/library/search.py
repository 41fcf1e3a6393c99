"""Words to search by: texts folded so that every database compares the same plain words.

Words are split at what is no letter, digit or symbol. Case, accents, vowel points, ligatures and widths
are folded away. Scripts written without spaces are cut into overlapping pairs of characters.
"""

import re
import unicodedata
from collections.abc import Iterator
from typing import Final, Literal

MAX_WORD_CHARACTERS: Final = 64
# More words of a query than this add nothing to what they find.
MAX_QUERY_WORDS: Final = 32
# As many characters as the longest prompt.
MAX_QUERY_CHARACTERS: Final = 1_000
# Folded, a character may be eighteen. Of the longest text, twice its length is searched.
MAX_FOLDED_CHARACTERS: Final = 10_000
# As many marks as Unicode's stream-safe form has on one letter (UAX #15); more are left out. To put marks in
# their order takes a time that grows with the square of their number.
MAX_MARKS: Final = 30

# Marks of Latin, Greek and Cyrillic, the points of Hebrew and Arabic, and what only chooses a glyph. The
# vowel signs of Indic scripts and the voicing marks of kana are not among them: they make other words.
_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640"
    "\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]"
)
# No mark is a letter but the two of halfwidth kana.
_MANY_MARKS: Final = re.compile(rf"[\W\uff9e\uff9f]{{{MAX_MARKS + 1}}}")
# Letters that Unicode does not take apart.
_LETTERS: Final = str.maketrans(
    {"æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ħ": "h", "ı": "i", "ŧ": "t"}
)
# Han, kana, Thai, Lao, Burmese, Khmer, Tibetan.
_UNSPACED: Final = re.compile(
    "([\u0e00-\u0eff\u0f00-\u0fff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u3096\u3099-\u30ff\u3400-\u4dbf"
    "\u4e00-\u9fff\U00020000-\U0003ffff]+)"
)


def fold(text: str) -> str:
    """The text without case, accents and compatibility forms. Folding twice is folding once."""
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
    """The words under which a text is found, each once, in their order."""
    return list(dict.fromkeys(_words(text, is_query=False)))


def query_words(text: str) -> list[str]:
    """The beginnings of words that a text must have, all of them, to be found; none find nothing."""
    found = dict.fromkeys(_words(text[:MAX_QUERY_CHARACTERS], is_query=True))
    return list(found)[:MAX_QUERY_WORDS]


def placed_words(folded: str) -> Iterator[tuple[str, list[int]]]:
    """The words of a text that is folded already, each with the places of its characters in it."""
    yield from _placed(folded, is_query=False)


def _words(text: str, *, is_query: bool) -> Iterator[str]:
    for word, _ in _placed(fold(text)[:MAX_FOLDED_CHARACTERS], is_query=is_query):
        yield word


def _placed(folded: str, *, is_query: bool) -> Iterator[tuple[str, list[int]]]:
    for run, places in _runs(folded):
        at = 0
        for piece in _UNSPACED.split(run):
            here = places[at : at + len(piece)]
            at += len(piece)
            if _UNSPACED.fullmatch(piece):
                yield from _pairs(piece, here, is_query=is_query)
            elif piece:
                yield piece[:MAX_WORD_CHARACTERS], here[:MAX_WORD_CHARACTERS]


def _pairs(run: str, places: list[int], *, is_query: bool) -> Iterator[tuple[str, list[int]]]:
    # The last character stands alone as well, so that each one begins a word of the text.
    last = len(run) - 1 if is_query and len(run) > 1 else len(run)
    for start in range(last):
        yield run[start : start + 2], places[start : start + 2]


def _runs(folded: str) -> Iterator[tuple[str, list[int]]]:
    """Runs of letters, digits and marks, with their places; a symbol, such as an emoji, is one by itself."""
    run: list[int] = []
    for place, character in enumerate(folded):
        category = unicodedata.category(character)
        if category == "Cf":
            continue  # joiners and soft hyphens are inside words
        if category[0] in "LMN":
            run.append(place)
            continue
        if run:
            yield "".join(folded[index] for index in run), run
        run = []
        if category == "So":
            yield character, [place]
    if run:
        yield "".join(folded[index] for index in run), run
