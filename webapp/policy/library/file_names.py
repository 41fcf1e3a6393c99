"""Names of files made of what people wrote: readable in any script, and safe on every system."""

import unicodedata
from typing import Final

from webapp.policy.library.snippets import clusters

# What file systems allow a name: ext4 and others count bytes, NTFS and APFS allow at least as much.
MAX_NAME_BYTES: Final = 255
MAX_LETTERS: Final = 60

_PLAIN: Final = frozenset("_-")
# They join letters in Persian and in the scripts of India, and change what is read.
_JOINERS: Final = "\u200c\u200d"


def readable_name(text: str, most_bytes: int) -> str:
    """Make the beginning of a file's name from a text: its letters, in at most so many bytes of UTF-8.

    Empty where the text has none. It neither begins nor ends with a dot, a blank or a dash that would matter;
    whoever uses it puts something plain behind it, so that it is unique and no name that Windows reserves.
    """
    return _cut(_readable(text), most_bytes)


def _readable(title: str) -> str:
    """Keep letters, marks and digits, composed; what stands between them becomes one blank."""
    kept: list[str] = []
    for cluster in clusters(unicodedata.normalize("NFC", title)):
        base = cluster[0]
        if unicodedata.category(base) == "Cf":
            kept.append("".join(character for character in cluster if _is_letter(character)))
        elif base in _PLAIN or _is_letter(base):
            kept.append("".join(character for character in cluster if _stays(character)))
        else:
            kept.append(" " + "".join(character for character in cluster[1:] if _is_spoken(character)))
    # What was left out may have stood between a letter and its accent.
    composed = unicodedata.normalize("NFC", "".join(kept))
    # A dash in front would be an option to many a command.
    words = (word.strip(_JOINERS) for word in composed.split())
    return " ".join(word for word in words if word).lstrip("- ")


def _cut(text: str, most_bytes: int) -> str:
    """Cut behind a letter with its marks."""
    cut, left_bytes = "", most_bytes
    for number, cluster in enumerate(clusters(text)):
        left_bytes -= len(cluster.encode())
        if number == MAX_LETTERS or left_bytes < 0:
            break
        cut += cluster
    return cut.strip()


def _is_letter(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"


def _stays(character: str) -> bool:
    return character in _PLAIN or character in _JOINERS or _is_letter(character)


def _is_spoken(character: str) -> bool:
    """Tell vowel signs from marks that only dress up a symbol, such as an emoji's."""
    return unicodedata.category(character) in {"Mn", "Mc"} and not (
        "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0100"
    )
