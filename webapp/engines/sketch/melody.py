"""Melodies: phrases of four bars made from a short rhythm, steps rather than leaps, home at the end."""

from dataclasses import dataclass

import numpy as np

_RHYTHMS: dict[int, tuple[tuple[float, ...], ...]] = {
    4: ((2, 1, 1), (1, 1, 2), (1.5, 0.5, 2), (1, 0.5, 0.5, 1, 1), (1.5, 0.5, 1, 1), (2, 2), (1, 1, 1, 1)),
    3: ((2, 1), (1, 1, 1), (1.5, 0.5, 1), (1, 2)),
}
_STEPS = np.array([-3, -2, -1, 1, 2, 3])
_STEP_CHANCES = np.array([0.06, 0.16, 0.28, 0.28, 0.16, 0.06])
_LOWEST, _HIGHEST = -3, 9
BARS_PER_PHRASE = 4


@dataclass(frozen=True, slots=True)
class Tone:
    """``beat`` and ``beats`` are relative to the bar; ``step`` is in scale steps above the tonic."""

    beat: float
    beats: float
    step: int


Bar = tuple[Tone, ...]


def phrase(
    rng: np.random.Generator, roots: tuple[int, ...], beats_per_bar: int, home_weight: float
) -> tuple[Bar, ...]:
    """Four bars over the chords on ``roots``; begins and ends on the tonic.

    ``home_weight`` 0 to 1 says how strongly the first note of every bar is drawn to the tonic, so
    that a line without accompaniment still has a clear key.
    """
    rhythms = _RHYTHMS[beats_per_bar]
    first, second = (rhythms[rng.integers(len(rhythms))] for _ in range(2))
    bars: list[Bar] = []
    step = 0
    for index, rhythm in enumerate((first, second, first)):
        tones, beat = [], 0.0
        for position, beats in enumerate(rhythm):
            if index == 0 and position == 0:
                step = 0
            elif position == 0:
                step = 0 if rng.random() < home_weight else _chord_tone(roots[index], step, rng)
            else:
                step = _walk(step, rng)
            tones.append(Tone(beat, beats, step))
            beat += beats
        bars.append(tuple(tones))
    bars.append(_cadence(step, beats_per_bar))
    return tuple(bars)


def _chord_tone(root: int, near: int, rng: np.random.Generator) -> int:
    tones = np.array([root + third + 7 * octave for octave in (-1, 0, 1) for third in (0, 2, 4)])
    tones = tones[(tones >= _LOWEST) & (tones <= _HIGHEST)]
    distance = np.abs(tones - near) + rng.uniform(0, 2.5, tones.size)
    return int(tones[distance.argmin()])


def _walk(step: int, rng: np.random.Generator) -> int:
    moved = step + int(rng.choice(_STEPS, p=_STEP_CHANCES))
    return moved if _LOWEST <= moved <= _HIGHEST else step - (moved - step)


def _cadence(step: int, beats_per_bar: int) -> Bar:
    """Step towards the nearer tonic, then hold it."""
    home = 7 if step > 4 else 0
    approach = home + 1 if step > home else home - 1
    return (Tone(0.0, 1.0, approach), Tone(1.0, beats_per_bar - 1.0, home))
