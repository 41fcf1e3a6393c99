"""Texts from files that others wrote: editors and shells put a byte order mark in front, or write UTF-16."""

import codecs
import unicodedata
from typing import Final

# The longer ones first: UTF-32 begins as UTF-16 does.
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def text_of(content: bytes, *, errors: str = "strict") -> str:
    """Decode a text: as its byte order mark says, which is no part of it, else as UTF-8.

    Raises UnicodeDecodeError, which is a ValueError, unless `errors` says otherwise.
    """
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, errors)
    return content.decode("utf-8", errors)


def json_of(content: bytes) -> bytes:
    """Give a document as parsers of JSON want it: in UTF-8, without a mark. Raises UnicodeError."""
    return text_of(content).encode() if content.startswith(tuple(mark for mark, _ in _MARKS)) else content


def is_plain_name(name: str, most_characters: int) -> bool:
    """Tell whether a file's name can be stored, shown on one line, and put into an address."""
    return (
        0 < len(name) <= most_characters
        and not name.startswith(".")
        and "/" not in name
        and not any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name)
    )
