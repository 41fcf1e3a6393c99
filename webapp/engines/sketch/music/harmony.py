"""Chords: which one each bar has, and how its notes are laid out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from webapp.engines.sketch.music.form import Form
from webapp.engines.sketch.music.piece import Piece
from webapp.engines.sketch.music.theme import theme_roots
from webapp.engines.sketch.music.theory import JAZZ_PROGRESSIONS, PROGRESSIONS, chord_steps, near, scale_pitch

_RICH_FORMS: Final = frozenset({"jazz"})
_RICH_COMPING: Final = frozenset({"charleston", "bossa", "four", "scratch"})


@dataclass(frozen=True, slots=True)
class Chord:
    """A bar's chord: its root as a scale step, and its pitches, root first, in the tonic's octave."""

    root: int
    pitches: tuple[int, ...]


def chords(piece: Piece, form: Form, rng: np.random.Generator) -> list[Chord]:
    """Return the chord of every bar. Sections of one name have the same progression.

    Under a theme the chords are those that fit it.
    """
    roots = tuple(theme_roots(piece.theme, piece.mode))
    is_rich = piece.style.form in _RICH_FORMS or piece.style.comping in _RICH_COMPING
    choices = PROGRESSIONS[piece.mode]
    if piece.style.form in _RICH_FORMS:
        choices = JAZZ_PROGRESSIONS.get(piece.mode, choices)
    progressions: dict[str, tuple[int, ...]] = {}
    first = choices[int(rng.integers(len(choices)))]
    found = []
    for bar in range(form.bars):
        section = form.at(bar)
        if section.name not in progressions:
            other = choices[int(rng.integers(len(choices)))]
            progressions[section.name] = other if section.name in {"chorus", "climax", "solo"} else first
        progression = progressions[section.name]
        root = progression[(bar - section.first_bar) % len(progression)]
        if roots:
            root = roots[bar % len(roots)]
        if bar == form.closing_bar:
            root = 0
        size = 5 if piece.style.form in _RICH_FORMS else 4 if is_rich else 3
        steps = chord_steps(root, size if bar != form.closing_bar else 3)
        found.append(Chord(root, tuple(scale_pitch(piece.tonic, piece.mode, step) for step in steps)))
    return found


def voicings(chords_: Sequence[Chord], low: int, high: int, centre: int) -> Iterator[list[int]]:
    """Lay each chord out near ``centre`` so that its notes move as little as they can."""
    previous = [centre - 5, centre - 1, centre + 3, centre + 7]
    for chord in chords_:
        wanted = previous[: len(chord.pitches)]
        best = min(_inversions(chord.pitches, centre), key=lambda notes: _distance(notes, wanted, centre))
        shifted = [note + (12 if note < low else -12 if note > high else 0) for note in best]
        previous = sorted(shifted) + previous[len(shifted) :]
        yield sorted(set(shifted))


def _inversions(pitches: Sequence[int], centre: int) -> Iterator[list[int]]:
    """Every order of a chord's notes in close position around a centre."""
    count = len(pitches)
    for lowest in range(count):
        turned = [*pitches[lowest:], *pitches[:lowest]]
        for octave in (-12, 0):
            first = near(turned[0], centre - 4) + octave
            notes = [first]
            for pitch in turned[1:]:
                step = (pitch - notes[-1]) % 12
                notes.append(notes[-1] + (step or 12))
            yield notes


def _distance(notes: Sequence[int], previous: Sequence[int], centre: int) -> float:
    moved = sum(abs(note - before) for note, before in zip(notes, previous, strict=False))
    return moved + 0.6 * abs(sum(notes) / len(notes) - centre)
