"""Makes file names from people's texts: readable in any script, and safe on every system."""

import unicodedata
from typing import Final

from webapp.policy.library.snippets import clusters

# The limit of ext4 and others in bytes; NTFS and APFS allow at least as much.
MAX_NAME_BYTES: Final = 255
MAX_LETTERS: Final = 60
# Tells sounds of one title apart, and stays short.
SHORT_ID_CHARACTERS: Final = 8
NAMELESS: Final = "soundloom"

_PLAIN: Final = frozenset("_-")
# Joiners affect how letters of Persian and Indic scripts are read.
_JOINERS: Final = "\u200c\u200d"


def readable_name(text: str, max_bytes: int) -> str:
    """Make the beginning of a file name from the letters of a text, in at most `max_bytes` of UTF-8.

    It is empty if the text has no letters. It has no dots, no leading dash, and no space at either end. The
    caller appends an id or the like, which makes the name unique and keeps it from being one that Windows
    reserves.
    """
    return _cut(_readable(text), max_bytes)


def download_stem(title: str, sound_id: str) -> str:
    """Return what a downloaded sound is called, without the extension: its title and the start of its id."""
    short_id = sound_id[:SHORT_ID_CHARACTERS]
    readable = readable_name(title, MAX_NAME_BYTES - len(f" {short_id}.flac"))
    return f"{readable or NAMELESS} {short_id}"


def _readable(title: str) -> str:
    """Keep letters, marks and digits in composed form; anything else between them becomes one space."""
    kept: list[str] = []
    for cluster in clusters(unicodedata.normalize("NFC", title)):
        base = cluster[0]
        if unicodedata.category(base) == "Cf":
            kept.append("".join(character for character in cluster if _is_letter(character)))
        elif base in _PLAIN or _is_letter(base):
            kept.append("".join(character for character in cluster if _stays(character)))
        else:
            kept.append(" " + "".join(character for character in cluster[1:] if _is_spoken(character)))
    # Composed again: a character that was removed may have separated a letter from its accent.
    composed = unicodedata.normalize("NFC", "".join(kept))
    # Commands would read a leading dash as an option.
    words = (word.strip(_JOINERS) for word in composed.split())
    return " ".join(word for word in words if word).lstrip("- ")


def _cut(text: str, max_bytes: int) -> str:
    """Cut a text without separating a letter from its marks."""
    cut, left_bytes = "", max_bytes
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
    """Return whether a mark is a vowel sign or the like, and not a variation selector, as emoji have."""
    return unicodedata.category(character) in {"Mn", "Mc"} and not (
        "\ufe00" <= character <= "\ufe0f" or character >= "\U000e0100"
    )
