"""How chords lie on a fretboard."""

from collections.abc import Sequence
from typing import Final

_HAND_SPAN: Final = 4
_BASS_STRINGS: Final = 3


def fretted(pitches: Sequence[int], strings: Sequence[int]) -> list[int]:
    """A chord, root first, as a hand near the nut takes it, from the lowest string that reaches the root."""
    first = next(
        (
            index
            for index, opened in enumerate(strings[:_BASS_STRINGS])
            if (pitches[0] - opened) % 12 <= _HAND_SPAN
        ),
        0,
    )
    root = strings[first] + (pitches[0] - strings[first]) % 12
    return sorted({root, *(_on(opened, pitches) for opened in strings[first + 1 :])})


def _on(opened: int, pitches: Sequence[int]) -> int:
    return opened + min((pitch - opened) % 12 for pitch in pitches)
