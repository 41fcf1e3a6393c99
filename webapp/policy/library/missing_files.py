"""The error text for exports and backups that lack files."""

from collections.abc import Mapping, Sequence
from typing import Final

NAMED: Final = 10

# The names of missing files, by the id of their sound or voice.
Missing = Mapping[str, Sequence[str]]


def missing_words(missing: Missing, what: str = "sounds") -> str:
    """Describe missing files, with the first ten owners by name.

    `2 sounds lack files: <id> (sound.wav), …`.
    """
    named = [f"{owner} ({', '.join(names)})" for owner, names in list(missing.items())[:NAMED]]
    rest = len(missing) - len(named)
    one_or_more = f"1 {what.removesuffix('s')} lacks" if len(missing) == 1 else f"{len(missing)} {what} lack"
    return f"{one_or_more} files: {', '.join(named)}{f' and {rest} more' if rest else ''}"
