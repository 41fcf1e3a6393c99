"""Words for what cannot be complete because files are gone."""

from collections.abc import Mapping, Sequence
from typing import Final

NAMED: Final = 10

# The names of the files that are gone, by the sound or voice that they belong to.
Missing = Mapping[str, Sequence[str]]


def missing_words(missing: Missing, what: str = "sounds") -> str:
    """Say how many there are and which, the first ten by name: `2 sounds lack files: <id> (sound.wav), …`."""
    named = [f"{owner} ({', '.join(names)})" for owner, names in list(missing.items())[:NAMED]]
    rest = len(missing) - len(named)
    one_or_more = f"1 {what.removesuffix('s')} lacks" if len(missing) == 1 else f"{len(missing)} {what} lack"
    return f"{one_or_more} files: {', '.join(named)}{f' and {rest} more' if rest else ''}"
