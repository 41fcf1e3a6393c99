"""Accompaniment, bar by bar: chords, arpeggios, pads, drones, riffs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from webapp.engines.sketch.music.fretting import fretted
from webapp.engines.sketch.music.harmony import voicings
from webapp.engines.sketch.music.piece import PiecePart, stream
from webapp.engines.sketch.music.setting import CENTRES, Event, Setting
from webapp.engines.sketch.music.styles import Figure, Stroke, instruments, variants
from webapp.engines.sketch.music.theory import near

_CENTRE: Final = 60
# Between one string, or key of a chord, and the next.
_STRUM_S, _SPREAD_S = 0.009, 0.005
_ORDERS: Final = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (0, 1, 2, 3), (3, 2, 1, 0))
_ROLLS: Final = ((0, 2, 3, 4, 1, 3, 2, 4), (0, 3, 4, 3, 1, 4, 3, 2), (0, 2, 3, 5, 4, 3, 2, 3))
_WILD: Final = 0.7
_STABS: Final = (
    (0.0, 1.5), (1.5, 3.5), (0.5, 2.5), (3.0, 3.5), (0.5, 1.0, 2.5), (1.5, 2.0, 3.5), (0.0, 0.5, 2.5),
)  # fmt: skip
# The steps that a riff takes from its root, in semitones.
_RIFF_STEPS: Final = {"c": 0, "s": 1, "t": 3, "v": 5, "x": 6}
_BREATHS: Final = ((0, 1.5), (1.5, 0.5), (2, 1), (3, 0.5), (3.5, 0.5))


def laid(
    setting: Setting, part: PiecePart, centre: int | None = None, *, rootless: bool = False
) -> Mapping[int, list[int]]:
    """The chord of each bar in which the part plays, laid out for its instrument."""
    instrument = instruments()[part.instrument]
    low, high = instrument.range
    if instrument.strings:
        return {bar: fretted(chord.pitches, instrument.strings) for bar, chord in enumerate(setting.chords)}
    # With its ninth a chord needs no root to be known by.
    chords_ = [
        replace(chord, pitches=chord.pitches[1:]) if rootless and len(chord.pitches) > 3 else chord
        for chord in setting.chords
    ]
    centre = centre or CENTRES.get(part.role, _CENTRE)
    centre = min(max(centre, low + 8), max(low + 8, high - 8))
    return dict(enumerate(voicings(chords_, low, high, centre)))


def chords(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    comping = "ostinato" if part.role == "ostinato" else part.figure or setting.piece.style.comping
    yield from figured(setting, part, variants("comping", comping), rng)


def figured(
    setting: Setting, part: PiecePart, choices: Sequence[Figure], rng: np.random.Generator
) -> Iterator[Event]:
    """Chords in the rhythm of a figure, or of several that take turns."""
    instrument = instruments()[part.instrument]
    low, _ = instrument.range
    voiced = laid(setting, part, rootless=len(setting.chords[0].pitches) > 4)
    spread_s = _STRUM_S if instrument.strings else 0.0 if instrument.sustains else _SPREAD_S
    spread = spread_s / setting.piece.beat_s
    figure = choices[0]
    for bar, first in setting.bars(part):
        notes, chord = voiced[bar], setting.chords[bar]
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate(notes):
                yield Event(first + 2 * spread * index, float(setting.beats), pitch)
            continue
        bass = notes[0] if instrument.strings else near(chord.pitches[0], max(low + 4, 45))
        if instrument.drive:
            # A driven guitar leaves the third out: distortion would make a noise of it.
            notes = [bass, bass + 7, bass + 12]
        if bar % 2 == 0:
            figure = choices[int(rng.integers(len(choices)))]
        for stroke in in_bar(figure, setting.beats):
            sounded = struck(stroke.what, notes, bass)
            # An upstroke comes from the highest string.
            if stroke.what == "u" and instrument.strings:
                sounded = sounded[::-1]
            for index, pitch in enumerate(sounded):
                accent = (0.06 if stroke.beat == 0 else -0.03) + float(rng.normal(0, 0.02))
                yield Event(first + stroke.beat + spread * index, stroke.beats, pitch, accent)


def struck(what: str, notes: Sequence[int], bass: int) -> Sequence[int]:
    match what:
        case "u":
            return notes[-3:] if len(notes) > 3 else notes[-2:]
        case "b":
            return (bass,)
        case "f":
            return (bass + 7 if bass < 45 else bass - 5,)
        case "8":
            return (notes[0], notes[0] + 12)
        case "1" | "2" | "3" | "4":
            index = int(what) - 1
            return (notes[index % len(notes)] + 12 * (index // len(notes)),)
        case "c" | "s" | "t" | "v" | "x":
            return notes
        case _:
            raise ValueError(f"no figure has a stroke {what!r}")


def in_bar(figure: Figure, beats: int) -> Iterator[Stroke]:
    """The strokes of a figure in a bar of any length: cut, or gone on with from its beginning."""
    for start in range(0, beats, 4):
        for stroke in figure:
            if start + stroke.beat < beats:
                yield Stroke(start + stroke.beat, min(stroke.beats, beats - start - stroke.beat), stroke.what)


def arpeggio(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    order: Sequence[int] = _ORDERS[int(rng.integers(len(_ORDERS)))]
    roll = _ROLLS[int(rng.integers(len(_ROLLS)))]
    instrument = instruments()[part.instrument]
    busy = setting.piece.energy > 0.6 or setting.piece.tempo_bpm < 66
    step = 0.25 if busy and setting.piece.tempo_bpm < 150 else 0.5
    length = step * (0.85 if instrument.sustains or instrument.tone in {"lead", "chip"} else 2.0)
    voiced = laid(setting, part, 64)
    for bar, first in setting.bars(part):
        notes = voiced[bar]
        ladder = (*notes, notes[0] + 12)
        if instrument.strings:
            ladder, order = tuple(notes), roll
        if instrument.sweeps:
            ladder = tuple(pitch + 12 * octave for octave in (-1, 0, 1) for pitch in notes)
            order = (*range(len(ladder)), *range(len(ladder) - 2, 0, -1))
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate(notes):
                yield Event(first + 0.08 * index, float(setting.beats), pitch)
            return
        for index in range(int(setting.beats / step)):
            pitch = ladder[order[index % len(order)] % len(ladder)]
            yield Event(first + index * step, length, pitch, 0.06 if index % 4 == 0 else -0.04)


def pad(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Long chords; what stays from one bar to the next is held and not struck again."""
    voiced = laid(setting, part)
    held: dict[int, tuple[float, float]] = {}
    for bar, first in setting.bars(part):
        notes = set(voiced[bar])
        for pitch in list(held):
            begin, end = held[pitch]
            if pitch not in notes or end < first:
                del held[pitch]
                yield Event(begin, end - begin, pitch)
        for pitch in notes:
            begin = held[pitch][0] if pitch in held else first
            held[pitch] = (begin, first + setting.beats)
    for pitch, (begin, end) in held.items():
        yield Event(begin, end - begin, pitch)


def chorale(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Four voices: the tune's longest notes on top, the chord below, the root at the bottom."""
    voiced = laid(setting, part, 58)
    for bar, first in setting.bars(part):
        root = near(setting.chords[bar].pitches[0], 46)
        half = setting.beats / 2
        for start, length in (
            ((0.0, half), (half, half)) if bar != setting.form.closing_bar else ((0.0, 2 * half),)
        ):
            yield Event(first + start, length, root, -0.05)
            for index, pitch in enumerate(voiced[bar]):
                moved = 12 if start and index == 0 else 0
                yield Event(first + start, length, pitch + moved, 0.0)


def cluster(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """Neighbouring semitones that slowly shift against each other."""
    low = near(60 + setting.piece.tonic, 57)
    for bar, first in setting.bars(part):
        if bar % 2 and bar != setting.form.closing_bar:
            continue
        shift = int(rng.integers(-1, 2))
        for index in range(4):
            yield Event(first + index * 0.5, 2 * setting.beats - index * 0.5, low + shift + index, -0.1)


def drone(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    root = near(60 + setting.piece.tonic, 48)
    for bar, first in setting.bars(part):
        if bar % 4 == 0 or bar == setting.form.closing_bar:
            for pitch in (root, root + 7, root + 12):
                yield Event(first, 4.0 * setting.beats, pitch, -0.1)


def stabs(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """Short chords, the same in each phrase; in every other bar, or in wild pieces in each."""
    chosen = rng.permutation(len(_STABS))[:2]
    voiced = laid(setting, part)
    apart = 1 if setting.piece.energy > _WILD else 2
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            for pitch in voiced[bar]:
                yield Event(first, float(setting.beats), pitch, 0.1)
        elif bar % apart == apart - 1:
            figure = _STABS[int(chosen[bar // apart % 2])]
            for beat in figure:
                length = 0.9 if beat == figure[-1] and bar % 4 == 3 else 0.35
                for pitch in voiced[bar] if beat < setting.beats else ():
                    yield Event(first + beat, length, pitch, 0.14)


def riff(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Power chords, and the muted low strings between them unless somebody else plays those."""
    with_muted = all(other.role != "chug" for other in setting.piece.parts)
    for bar, first, root, stroke in _riff_strokes(setting, part):
        if bar == setting.form.closing_bar or stroke.what in _RIFF_STEPS:
            moved = root + _RIFF_STEPS.get(stroke.what, 0)
            for pitch in (moved, moved + 7, moved + 12):
                yield Event(first + stroke.beat, stroke.beats, pitch, 0.1)
        elif with_muted:
            for pitch in (root, root + 7):
                yield Event(first + stroke.beat, stroke.beats, pitch, 0.0)


def chug(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """The muted low strings of a riff."""
    for bar, first, root, stroke in _riff_strokes(setting, part):
        if stroke.what == "b" or bar == setting.form.closing_bar:
            for pitch in (root, root + 7):
                yield Event(first + stroke.beat, stroke.beats, pitch, 0.08 if stroke.beat == 0 else 0.0)


def _riff_strokes(setting: Setting, part: PiecePart) -> Iterator[tuple[int, float, int, Stroke]]:
    """The riff that all guitars of a piece share: bar, its first beat, its chord's root, and a stroke."""
    rng = stream(setting.piece, "riff")
    choices = variants("comping", "chug")
    order = rng.permutation(len(choices))
    for bar, first in setting.bars(part):
        root = near(setting.chords[bar].pitches[0], 42)
        if bar == setting.form.closing_bar:
            yield bar, first, root, Stroke(0.0, float(setting.beats), "c")
            continue
        figure = choices[int(order[1 if bar % 4 == 3 else 0]) % len(choices)]
        for stroke in in_bar(figure, setting.beats):
            yield bar, first, root, stroke


def breathed(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """One deep note that never stops, reshaped by the mouth in a rhythm."""
    low, _ = instruments()[part.instrument].range
    root = near(60 + setting.piece.tonic, low + 4)
    for _, first in setting.bars(part):
        for beat, beats in _BREATHS:
            if beat < setting.beats:
                accent = (0.1 if beat == 0 else 0.0) + float(rng.normal(0, 0.1))
                yield Event(first + beat, min(beats, setting.beats - beat), root, accent)
