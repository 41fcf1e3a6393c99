"""Names the symbols that eSpeak NG drops without a word."""

import unicodedata
from bisect import bisect_right
from typing import Final

from webapp.engines.speech.reading.english import name_of

# Measured with its English voice, which knows the most: the first and last of each range.
_DROPPED: Final = (
    (0x00A6, 0x00A6), (0x00AF, 0x00B8), (0x02C2, 0x02C5), (0x02D2, 0x02FF), (0x0375, 0x0375),
    (0x0384, 0x0385), (0x03F6, 0x03F6), (0x0482, 0x0482), (0x0606, 0x060F), (0x06DE, 0x06DE),
    (0x06E9, 0x06E9), (0x06FD, 0x06FE), (0x07F6, 0x07FF), (0x0888, 0x0888), (0x0B70, 0x0B77),
    (0x0C78, 0x0C7F), (0x0E3F, 0x0E3F), (0x0F01, 0x0F03), (0x0F13, 0x0F1F), (0x0F2A, 0x0F38),
    (0x0FBE, 0x0FD8), (0x109E, 0x109F), (0x1369, 0x137C), (0x1390, 0x1399), (0x166D, 0x166D),
    (0x17DB, 0x17DB), (0x17F0, 0x17F9), (0x1940, 0x1940), (0x19DA, 0x19FF), (0x1B61, 0x1B6A),
    (0x1B74, 0x1B7C), (0x1FBD, 0x1FC1), (0x1FCD, 0x1FCF), (0x1FDD, 0x1FDF), (0x1FED, 0x1FEF),
    (0x1FFD, 0x1FFE), (0x2044, 0x2044), (0x2052, 0x2052), (0x20A0, 0x20C0), (0x2100, 0x2109),
    (0x2114, 0x212E), (0x213A, 0x215F), (0x2189, 0x218B), (0x219A, 0x23E8), (0x23F4, 0x2426),
    (0x2440, 0x244A), (0x2460, 0x24B5), (0x24EA, 0x2647), (0x2654, 0x2767), (0x2776, 0x27E5),
    (0x27F0, 0x27FF), (0x2900, 0x2982), (0x2999, 0x2BFF), (0xFF04, 0xFF0B), (0xFF1C, 0xFF1E),
    (0xFF3E, 0xFF40), (0xFF5C, 0xFF5E), (0xFFE0, 0xFFEE), (0xFFFC, 0xFFFD), (0x1D100, 0x1D16C),
    (0x1D183, 0x1D1DD),
)  # fmt: skip
_STARTS: Final = tuple(start for start, _ in _DROPPED)
_DROPPED_ASCII: Final = frozenset("^`|")
# Of a text that a voice has no sound for, no more is named.
MOST_NAMED: Final = 40


def with_names(text: str) -> str:
    """Return a text in which each symbol that would be dropped has its name instead, in English."""
    return "".join(f" {name_of(one)} " if _is_dropped(one) else one for one in text)


def names(text: str) -> str:
    """Return the names of the first characters of a text that has something to say; empty for marks alone."""
    named = [name_of(one) for one in text if unicodedata.category(one)[0] in "LNS"]
    return ", ".join(named[:MOST_NAMED])


def _is_dropped(character: str) -> bool:
    if character < "\u0080":
        return character in _DROPPED_ASCII
    if unicodedata.category(character) not in ("Sc", "Sk", "Sm", "So", "No"):
        return False
    found = bisect_right(_STARTS, ord(character)) - 1
    return found >= 0 and ord(character) <= _DROPPED[found][1]
