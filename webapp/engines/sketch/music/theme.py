"""A heard motif as the theme of a piece: in its key and bars, on its instruments, over chords that fit."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from math import ceil
from typing import Final

from webapp.engines.sketch.hearing.motif import Motif
from webapp.engines.sketch.music.melody import Bar, Tone
from webapp.engines.sketch.music.theory import SCALES, chord_steps, scale_pitch

# The roots that may stand under a bar of the theme; of two that fit as well, the first.
_ROOTS: Final = (0, 4, 3, 5, 1, 2)
_ROOT_WEIGHT, _TONIC_WEIGHT = 0.4, 0.15


def theme_bars(motif: Motif, mode: str, beats_per_bar: int) -> tuple[Bar, ...]:
    """Lay a motif out in bars, in a mode. A longer one than two bars gets an even number of them."""
    count = max(1, ceil(motif.beats / beats_per_bar))
    count += count % 2 if count > 2 else 0
    bars: list[list[Tone]] = [[] for _ in range(count)]
    for note in motif.notes:
        number, beat = divmod(note.beat, beats_per_bar)
        step, alter = _degree(note.semitones, motif.mode)
        accent = 0.1 if beat == 0 else 0.03 if beat == int(beat) else -0.04
        bars[int(number)].append(Tone(beat, note.beats, step, accent, alter))
    fitted = _fitted(bars, motif.mode, mode)
    return tuple(tuple(bar) for bar in fitted)


def _degree(semitones: int, mode: str) -> tuple[int, int]:
    """Return the scale step at or below a note, and the semitones from there."""
    octave, inside = divmod(semitones, 12)
    scale = SCALES[mode]
    degree = max(index for index, step in enumerate(scale) if step <= inside)
    return len(scale) * octave + degree, inside - scale[degree]


def _fitted(bars: list[list[Tone]], heard: str, mode: str) -> list[list[Tone]]:
    """Move tones into a mode, step by step; one between two steps stays so where there is room for it."""
    if mode == heard:
        return bars
    return [[replace(tone, alter=_alter(tone, mode)) for tone in bar] for bar in bars]


def _alter(tone: Tone, mode: str) -> int:
    width = scale_pitch(0, mode, tone.step + 1) - scale_pitch(0, mode, tone.step)
    return min(tone.alter, width - 1)


def theme_pitch(tonic: int, mode: str, tone: Tone) -> int:
    """Return the pitch of a tone above a tonic."""
    return scale_pitch(tonic, mode, tone.step) + tone.alter


def theme_tonic(tonic: int, mode: str, bars: Iterable[Bar], low: int, high: int) -> int:
    """Return the octave of a tonic in which most of the theme is within a range, as it was heard."""
    offsets = [theme_pitch(0, mode, tone) for bar in bars for tone in bar]

    def outside(candidate: int) -> tuple[int, int]:
        missed = sum(not low <= candidate + offset <= high for offset in offsets)
        return missed, abs(candidate - tonic)

    return min((tonic + 12 * octave for octave in range(-3, 4)), key=outside)


def theme_roots(bars: Sequence[Bar], mode: str) -> Iterator[int]:
    """Give the root of a chord that fits each bar, as a scale step; an empty bar keeps the one before."""
    root = 0
    for bar in bars:
        weights: dict[int, float] = {}
        for tone in bar:
            pitch_class = theme_pitch(0, mode, tone) % 12
            weights[pitch_class] = weights.get(pitch_class, 0.0) + tone.beats * (1.5 if tone.beat == 0 else 1)
        if weights:
            root = max(_ROOTS, key=lambda candidate: _fit(candidate, mode, weights))
        yield root


def _fit(root: int, mode: str, weights: dict[int, float]) -> float:
    third, *others = (scale_pitch(0, mode, step) % 12 for step in chord_steps(root))
    whole = sum(weights.values())
    inside = weights.get(third, 0.0) * (1 + _ROOT_WEIGHT) + sum(weights.get(pitch, 0.0) for pitch in others)
    return inside / whole + (_TONIC_WEIGHT if root == 0 else 0.0)
