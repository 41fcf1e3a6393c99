"""Accompaniment, bar by bar: chords, arpeggios, pads, drones, riffs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from webapp.engines.sketch.music.harmony import voicings
from webapp.engines.sketch.music.piece import PiecePart
from webapp.engines.sketch.music.setting import CENTRES, Event, Setting
from webapp.engines.sketch.music.styles import Figure, Stroke, figures, instruments
from webapp.engines.sketch.music.theory import near

_CENTRE: Final = 60
_STRUM_BEATS: Final = 0.02


def laid(setting: Setting, part: PiecePart, centre: int | None = None) -> Mapping[int, list[int]]:
    """The chord of each bar in which the part plays, laid out for its instrument."""
    low, high = instruments()[part.instrument].range
    centre = centre or CENTRES.get(part.role, _CENTRE)
    centre = min(max(centre, low + 8), max(low + 8, high - 8))
    return dict(enumerate(voicings(setting.chords, low, high, centre)))


def chords(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    comping = setting.piece.style.comping
    if part.role == "ostinato" and comping != "ostinato":
        comping = "ostinato"
    yield from figured(setting, part, figures("comping")[comping], rng)


def figured(setting: Setting, part: PiecePart, figure: Figure, rng: np.random.Generator) -> Iterator[Event]:
    low, _ = instruments()[part.instrument].range
    voiced = laid(setting, part)
    spread = _STRUM_BEATS if not instruments()[part.instrument].sustains else 0.0
    for bar, first in setting.bars(part):
        notes, chord = voiced[bar], setting.chords[bar]
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate(notes):
                yield Event(first + 2 * spread * index, float(setting.beats), pitch)
            continue
        bass = near(chord.pitches[0], max(low + 4, 45))
        if instruments()[part.instrument].drive:
            # A driven guitar leaves the third out: distortion would make a noise of it.
            notes = [bass, bass + 7, bass + 12]
        for stroke in in_bar(figure, setting.beats):
            for index, pitch in enumerate(struck(stroke.what, notes, bass)):
                accent = (0.06 if stroke.beat == 0 else -0.03) + float(rng.normal(0, 0.02))
                yield Event(first + stroke.beat + spread * index, stroke.beats, pitch, accent)


def struck(what: str, notes: Sequence[int], bass: int) -> Sequence[int]:
    match what:
        case "c":
            return notes
        case "u":
            return notes[-3:] if len(notes) > 3 else notes[-2:]
        case "b":
            return (bass,)
        case "f":
            return (bass + 7 if bass < 45 else bass - 5,)
        case "8":
            return (notes[0], notes[0] + 12)
        case _:
            index = int(what) - 1
            return (notes[index % len(notes)] + 12 * (index // len(notes)),)


def in_bar(figure: Figure, beats: int) -> Iterator[Stroke]:
    """The strokes of a figure in a bar of any length: cut, or gone on with from its beginning."""
    for start in range(0, beats, 4):
        for stroke in figure:
            if start + stroke.beat < beats:
                yield Stroke(start + stroke.beat, min(stroke.beats, beats - start - stroke.beat), stroke.what)


def arpeggio(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    order = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (0, 1, 2, 3), (3, 2, 1, 0))[int(rng.integers(4))]
    instrument = instruments()[part.instrument]
    busy = setting.piece.energy > 0.6 or setting.piece.tempo_bpm < 66
    step = 0.25 if busy and setting.piece.tempo_bpm < 150 else 0.5
    length = step * (0.85 if instrument.sustains or instrument.tone in {"lead", "chip"} else 2.0)
    voiced = laid(setting, part, 64)
    for bar, first in setting.bars(part):
        notes = voiced[bar]
        ladder = (*notes, notes[0] + 12)
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
    """Short chords in every other bar, the same in each phrase."""
    figure = ((0.0, 1.5), (1.5, 3.5), (0.5, 2.5), (3.0, 3.5))[int(rng.integers(4))]
    voiced = laid(setting, part)
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            for pitch in voiced[bar]:
                yield Event(first, float(setting.beats), pitch, 0.1)
        elif bar % 2:
            for beat in figure:
                for pitch in voiced[bar] if beat < setting.beats else ():
                    yield Event(first + beat, 0.35, pitch, 0.1)


def riff(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Power chords over muted low strings."""
    figure = figures("comping")["chug"]
    for bar, first in setting.bars(part):
        root = near(setting.chords[bar].pitches[0], 42)
        if bar == setting.form.closing_bar:
            for pitch in (root, root + 7, root + 12):
                yield Event(first, float(setting.beats), pitch, 0.1)
            continue
        for stroke in in_bar(figure, setting.beats):
            notes = (root, root + 7, root + 12) if stroke.what == "c" else (root, root + 7)
            for pitch in notes:
                yield Event(first + stroke.beat, stroke.beats, pitch, 0.08 if stroke.beat == 0 else 0.0)
