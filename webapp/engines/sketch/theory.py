"""Pitch classes, scales and chords. Pitches are MIDI numbers: 60 is middle C, 69 is A at 440 Hz."""

PITCH_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "locrian": (0, 1, 3, 5, 6, 8, 10),
    "harmonic minor": (0, 2, 3, 5, 7, 8, 11),
    "blues": (0, 2, 3, 5, 7, 9, 10),
}

# Roots as scale steps from 0; each bar takes the next chord.
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 0, 4), (0, 2, 3, 4), (0, 5, 1, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 5, 4), (0, 6, 5, 6), (0, 5, 3, 6), (0, 2, 3, 5)),
    "dorian": ((0, 3, 0, 3), (0, 6, 3, 0), (0, 1, 2, 3)),
    "phrygian": ((0, 1, 0, 1), (0, 1, 2, 1), (0, 6, 1, 0)),
    "lydian": ((0, 1, 0, 1), (0, 1, 4, 0), (0, 4, 1, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 0), (0, 6, 0, 3)),
    "locrian": ((0, 1, 0, 4), (0, 5, 0, 1)),
    "harmonic minor": ((0, 3, 4, 0), (0, 5, 3, 4), (0, 3, 0, 4)),
    "blues": ((0, 0, 0, 0, 3, 3, 0, 0, 4, 3, 0, 4),),
}


def frequency_hz(pitch: float) -> float:
    """Equal temperament, A4 at 440 Hz."""
    frequency: float = 440.0 * 2 ** ((pitch - 69) / 12)
    return frequency


def scale_pitch(tonic: int, mode: str, step: int) -> int:
    """The pitch ``step`` scale steps above ``tonic`` (below for a negative step)."""
    scale = SCALES[mode]
    octave, degree = divmod(step, len(scale))
    return tonic + 12 * octave + scale[degree]


def chord_steps(root: int, size: int = 3) -> tuple[int, ...]:
    """Scale steps of the chord of ``size`` stacked thirds over ``root``."""
    return tuple(root + 2 * i for i in range(size))


def near(pitch: int, centre: int) -> int:
    """The octave of ``pitch`` that lies nearest to ``centre``."""
    return pitch + 12 * round((centre - pitch) / 12)
