"""Melodies: a motif, its repetition and variation over the chords, and a cadence."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from webapp.engines.sketch.music.theory import melodic_step

BARS_PER_PHRASE: Final = 4
_LOWEST, _HIGHEST = -3, 10
_MOVES = np.array([-3, -2, -1, 1, 2, 3])
_MOVE_CHANCES = np.array([0.05, 0.16, 0.29, 0.29, 0.16, 0.05])
# Rhythms of a bar by beats, from calm to busy.
_RHYTHMS: Final[dict[int, tuple[tuple[float, ...], ...]]] = {
    4: (
        (4,), (2, 2), (3, 1), (2, 1, 1), (1.5, 0.5, 2), (1, 1, 2), (1.5, 1.5, 1), (1, 0.5, 0.5, 1, 1),
        (0.5, 0.5, 1, 0.5, 0.5, 1), (1.5, 0.5, 1, 0.5, 0.5), (0.5,) * 8,
    ),
    3: ((3,), (2, 1), (1, 2), (1, 1, 1), (1.5, 0.5, 1), (0.5, 0.5, 1, 1), (0.5,) * 6),
}  # fmt: skip
_SPREAD = 3


@dataclass(frozen=True, slots=True)
class Tone:
    """``beat`` and ``beats`` are relative to the bar; ``step`` is in scale steps above the tonic.

    ``alter`` is how many semitones above that step it lies: 0 but for notes outside of the scale.
    """

    beat: float
    beats: float
    step: int
    accent: float = 0.0
    alter: int = 0


Bar = tuple[Tone, ...]


class MelodyWriter:
    """Writes phrases of four bars: motif, motif again over the next chord, an answer, a cadence.

    ``home_weight`` 0 to 1 is how strongly bars begin on the tonic, so that a line without accompaniment still
    has a clear key.
    """

    def __init__(
        self, rng: np.random.Generator, mode: str, beats_per_bar: int, *, energy: float, home_weight: float
    ) -> None:
        self._rng = rng
        self._mode = mode
        self._beats = beats_per_bar
        self._home_weight = home_weight
        rhythms = _RHYTHMS.get(beats_per_bar, ((1.0,) * beats_per_bar,))
        middle = energy * (len(rhythms) - 1)
        near = sorted(range(len(rhythms)), key=lambda index: abs(index - middle))[:_SPREAD]
        self._motif = rhythms[near[int(rng.integers(len(near)))]]
        self._answer = rhythms[near[int(rng.integers(len(near)))]]
        self._contour = self._new_contour(len(self._motif))

    def phrase(self, roots: Sequence[int], *, is_varied: bool) -> tuple[Bar, ...]:
        """Four bars over the chords on ``roots``; the last of them comes home."""
        start = self._start(roots[0], 2)
        first = self._bar(self._motif, self._contour, start, roots[0])
        again = self._bar(self._motif, self._contour, self._start(roots[1], first[-1].step), roots[1])
        contour = (
            self._new_contour(len(self._answer)) if is_varied else tuple(-move for move in self._contour)
        )
        rhythm = self._answer if is_varied or len(self._answer) == len(self._contour) else self._motif
        third = self._bar(rhythm, contour, self._start(roots[2], again[-1].step), roots[2])
        return first, again, third, self._cadence(third[-1].step)

    def _new_contour(self, count: int) -> tuple[int, ...]:
        return tuple(int(self._rng.choice(_MOVES, p=_MOVE_CHANCES)) for _ in range(max(0, count - 1)))

    def _start(self, root: int, near: int) -> int:
        if self._rng.random() < self._home_weight:
            return 0 if near < 4 else 7
        tones = [root + third + 7 * octave for octave in (-1, 0, 1) for third in (0, 2, 4)]
        reachable = [tone for tone in tones if _LOWEST <= tone <= _HIGHEST]
        return min(reachable, key=lambda tone: abs(tone - near) + float(self._rng.uniform(0, 2.0)))

    def _bar(self, rhythm: Sequence[float], contour: Sequence[int], start: int, root: int) -> Bar:
        tones, beat, step = [], 0.0, start
        for index, beats in enumerate(rhythm):
            if index:
                step += contour[(index - 1) % len(contour)] if contour else 0
                if not _LOWEST <= step <= _HIGHEST:
                    step -= 2 * (contour[(index - 1) % len(contour)] if contour else 0)
                if beat == int(beat) and beats >= 1:
                    step = self._onto_chord(step, root)
            step = min(_HIGHEST, max(_LOWEST, step))
            accent = 0.1 if beat == 0 else 0.03 if beat == int(beat) else -0.04
            tones.append(Tone(beat, beats, melodic_step(self._mode, step), accent))
            beat += beats
        return tuple(tones)

    def _onto_chord(self, step: int, root: int) -> int:
        """Strong beats lean on the chord: move by a step where that reaches one of its notes."""
        degrees = {(root + third) % 7 for third in (0, 2, 4)}
        return next((near for near in (step, step - 1, step + 1) if near % 7 in degrees), step)

    def _cadence(self, step: int) -> Bar:
        """Step towards the nearer tonic, then hold it."""
        home = 7 if step > 4 else 0
        approach = melodic_step(self._mode, home + 1 if step > home else home - 1)
        return Tone(0.0, 1.0, approach, 0.05), Tone(1.0, self._beats - 1.0, home, 0.08)


def sparse(bars: Sequence[Bar], rng: np.random.Generator) -> list[Bar]:
    """Leave most of a melody out: a few long notes, and bars of rest."""
    found: list[Bar] = []
    for bar in bars:
        if not bar or rng.random() < 0.35:
            found.append(())
            continue
        first = bar[0]
        found.append((replace(first, beats=sum(tone.beats for tone in bar)),))
    return found
