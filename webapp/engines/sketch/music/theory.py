"""Pitch classes, scales, chords and progressions.

Pitches are MIDI numbers: 60 is middle C, 69 is A at 440 Hz.
"""

from typing import Final

SCALES: Final[dict[str, tuple[int, ...]]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "phrygian dominant": (0, 1, 4, 5, 7, 8, 10),
    "blues": (0, 2, 4, 5, 7, 9, 10),
    "pentatonic": (0, 2, 4, 5, 7, 9, 11),
    "minor pentatonic": (0, 2, 3, 5, 7, 8, 10),
    "whole tone": (0, 2, 4, 6, 8, 9, 10),
}
# Of these scales a melody leaves steps out: the other steps only serve chords.
MELODIC_STEPS: Final[dict[str, tuple[int, ...]]] = {
    "pentatonic": (0, 1, 2, 4, 5),
    "minor pentatonic": (0, 2, 3, 4, 6),
    "blues": (0, 1, 2, 4, 6),
    "whole tone": (0, 1, 2, 3, 4),
}

# Roots as scale steps from 0; each bar takes the next chord.
PROGRESSIONS: Final[dict[str, tuple[tuple[int, ...], ...]]] = {
    "major": (
        (0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 2, 3, 4), (0, 5, 1, 4), (3, 0, 4, 5), (0, 3, 5, 4),
        (0, 4, 5, 2, 3, 0, 3, 4),
    ),
    "minor": (
        (0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 5, 3, 6), (0, 2, 3, 5), (5, 6, 0, 0), (0, 6, 3, 5),
    ),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 2, 3), (0, 2, 3, 0)),
    "phrygian": ((0, 1, 0, 1), (0, 1, 2, 1), (0, 6, 1, 0)),
    "lydian": ((0, 1, 0, 1), (0, 1, 4, 0), (0, 4, 1, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 6, 0, 3)),
    "locrian": ((0, 1, 0, 4), (0, 5, 0, 1)),
    "harmonic minor": ((0, 3, 4, 0), (0, 5, 3, 4), (0, 3, 0, 4)),
    "phrygian dominant": ((0, 1, 0, 1), (0, 3, 1, 0), (0, 6, 1, 0)),
    "blues": ((0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4),),
    "pentatonic": ((0, 0, 3, 0), (0, 5, 3, 0)),
    "minor pentatonic": ((0, 0, 6, 0), (0, 3, 0, 6)),
    "whole tone": ((0, 1, 0, 1),),
}  # fmt: skip
JAZZ_PROGRESSIONS: Final = {
    "major": ((1, 4, 0, 5), (0, 5, 1, 4), (2, 5, 1, 4), (0, 0, 1, 4, 2, 5, 1, 4)),
    "minor": ((1, 4, 0, 0), (0, 3, 1, 4), (0, 5, 1, 4)),
    "dorian": ((0, 1, 0, 1), (0, 3, 1, 4)),
    "mixolydian": ((0, 3, 0, 4), (1, 4, 0, 0)),
}


def frequency_hz(pitch: float) -> float:
    """Return the frequency in equal temperament, A4 at 440 Hz."""
    frequency: float = 440.0 * 2 ** ((pitch - 69) / 12)
    return frequency


def scale_pitch(tonic: int, mode: str, step: int) -> int:
    """Return the pitch ``step`` scale steps above ``tonic`` (below for a negative step)."""
    scale = SCALES[mode]
    octave, degree = divmod(step, len(scale))
    return tonic + 12 * octave + scale[degree]


def melodic_step(mode: str, step: int) -> int:
    """Move a step to the nearest one that a melody in this mode uses."""
    allowed = MELODIC_STEPS.get(mode)
    if allowed is None:
        return step
    octave, degree = divmod(step, 7)
    return 7 * octave + min(allowed, key=lambda other: abs(other - degree))


def chord_steps(root: int, size: int = 3) -> tuple[int, ...]:
    """Return the scale steps of ``size`` stacked thirds over ``root``."""
    return tuple(root + 2 * i for i in range(size))


def near(pitch: int, centre: int) -> int:
    """Return the octave of ``pitch`` that lies nearest to ``centre``."""
    return pitch + 12 * round((centre - pitch) / 12)


def within(pitch: int, low: int, high: int) -> int:
    """Return ``pitch`` in the nearest octave from ``low`` to ``high``."""
    while pitch < low:
        pitch += 12
    while pitch > high:
        pitch -= 12
    return pitch
