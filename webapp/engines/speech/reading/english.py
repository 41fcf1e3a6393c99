"""Rewrites a text in what the neural English voices read: letters, digits and common marks.

They skip what they do not know, without a word. Here every such character gets its name instead.
"""

import re
import unicodedata
from typing import Final

# Longer words are cut off, unless the dictionary has them.
LONGEST_WORD: Final = 24
# Symbols that are read as people do, or are rightly silent.
_READ: Final = frozenset("$£€¥₹₩¢%&+@=<>~^*#/|°§¶±×÷™®©•→←½¼¾²³µ_\\`´¨¯¸₁₂₃₄")
# What would be phonemes and no text: [word](/phonemes/).
_LINK: Final = re.compile(r"\](?=\()")
_LONG_WORD: Final = re.compile(rf"[^\W\d_]{{{LONGEST_WORD + 1},}}")
_LETTER: Final = re.compile(r"LATIN (?:SMALL|CAPITAL) LETTER ([A-Z]{1,2})(?: WITH .*)?")
_UNSEEN: Final = re.compile(r"[\u200c\u200d\u20e3\U000e0020-\U000e007f]")
# Words of official names that nobody says.
_UNSAID: Final = re.compile(
    r"\b(?:vulgar fraction|sign|symbol|(?:squared )?latin (?:small|capital)|modifier|letter)\b"
)
# In these blocks, black and white tell filled from outlined.
_DINGBATS: Final = range(0x2600, 0x27C0)
_SHADE: Final = re.compile(r"\b(?:heavy|black|white)\b")
_FLAG_LETTERS: Final = range(0x1F1E6, 0x1F200)
_NAMES: Final = {
    "\u2212": "minus", "\u2248": "about", "\u2260": "is not equal to", "\u2264": "at most",
    "\u2265": "at least", "\u221e": "infinity", "\u221a": "the square root of", "\u2211": "the sum of",
    "\u2764": "red heart", "\u2665": "heart", "\u2713": "check mark", "\u2117": "phonogram copyright",
    "\u20bf": "bitcoin", "\u20bd": "rubles", "\u20ba": "liras", "\u20b4": "hryvnias", "\u2116": "number",
}  # fmt: skip


def in_words(text: str) -> str:
    """Return a text in which every character is one that the neural English voices read, or its name."""
    plain = _LINK.sub("] ", _UNSEEN.sub(" ", text))
    plain = "".join(_written(character) for character in plain)
    return _LONG_WORD.sub(_split, plain)


def _written(character: str) -> str:
    if character < "\u0100":
        return character
    kind = unicodedata.category(character)
    if kind[0] == "L":
        return _folded(character)
    if (kind[0] == "S" or kind == "No") and character not in _READ:
        return f" {name_of(character)} "
    return character


def _folded(character: str) -> str:
    """Return a letter without its accents; a letter of no Latin alphabet by its name."""
    base = unicodedata.normalize("NFD", character)[0]
    if base.isascii():
        return base
    found = _LETTER.fullmatch(unicodedata.name(character, ""))
    if found:
        return found[1] if character.isupper() else found[1].lower()
    return f" {name_of(character)} "


def name_of(character: str) -> str:
    """Return what people call a character."""
    if character in _NAMES:
        return _NAMES[character]
    if ord(character) in _FLAG_LETTERS:
        return chr(ord(character) - _FLAG_LETTERS.start + ord("A"))
    name = _UNSAID.sub("", unicodedata.name(character, "unknown character").lower())
    return " ".join((_SHADE.sub("", name) if ord(character) in _DINGBATS else name).split())


def _split(word: re.Match[str]) -> str:
    letters = word[0]
    return " ".join(letters[start : start + LONGEST_WORD] for start in range(0, len(letters), LONGEST_WORD))
