"""Addresses that strangers send, taken apart."""

from typing import Final
from urllib.parse import SplitResult, urlsplit

# Longer than any of ours; the standard library's work on letters beyond ASCII grows with the square.
_LONGEST: Final = 2_500


def split_address(text: str) -> SplitResult | None:
    """The parts of an address; None for what is none, such as `http://[`, and for a very long one."""
    if len(text) > _LONGEST:
        return None
    try:
        return urlsplit(text)
    except ValueError:
        return None
