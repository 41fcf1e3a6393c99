"""Fingerings of chords on a fretboard."""

import itertools
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

_HAND_SPAN: Final = 4
_BASS_STRINGS: Final = 3
_MISSING: Final = 20


def fretted(pitches: Sequence[int], strings: Sequence[int]) -> list[int]:
    """A chord, root first, as a hand near the nut takes it, from the lowest string that reaches the root."""
    return list(_taken(tuple(pitch % 12 for pitch in pitches), tuple(strings)))


@lru_cache(maxsize=256)
def _taken(chord: tuple[int, ...], strings: tuple[int, ...]) -> tuple[int, ...]:
    first = next(
        (
            index
            for index, opened in enumerate(strings[:_BASS_STRINGS])
            if (chord[0] - opened) % 12 <= _HAND_SPAN
        ),
        0,
    )
    root = strings[first] + (chord[0] - strings[first]) % 12

    def strain(hand: tuple[int, ...]) -> int:
        """Frets to reach, and what of the triad is missing."""
        missing = len({*chord[:3]} - {note % 12 for note in (root, *hand)})
        return _MISSING * missing + sum(note - opened for note, opened in zip(hand, above, strict=True))

    above = strings[first + 1 :]
    hands = itertools.product(*(_reached(opened, chord) for opened in above))
    return tuple(sorted({root, *min(hands, key=strain)}))


def _reached(opened: int, chord: Sequence[int]) -> list[int]:
    """The chord's notes within a hand's reach on one string; the nearest one if there is none."""
    frets = sorted((tone - opened) % 12 for tone in chord)
    return [opened + fret for fret in frets if fret <= _HAND_SPAN] or [opened + frets[0]]
