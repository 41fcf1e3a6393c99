"""What each role plays, bar by bar, as events in beats."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np

from webapp.engines.sketch.music.form import Form
from webapp.engines.sketch.music.harmony import Chord, voicings
from webapp.engines.sketch.music.melody import BARS_PER_PHRASE, Bar, MelodyWriter, sparse
from webapp.engines.sketch.music.piece import Piece, PiecePart
from webapp.engines.sketch.music.styles import Figure, Stroke, figures, instruments
from webapp.engines.sketch.music.theory import near, scale_pitch, within

CENTRES: Final = {"melody": 74, "answer": 67, "harmony": 69, "stabs": 64, "bass": 36, "ostinato": 55}
_CENTRE: Final = 60
_STRUM_BEATS = 0.02
_GRACE = 0.94


@dataclass(frozen=True, slots=True)
class Event:
    """A note in beats from the start of the piece; ``accent`` is added to its velocity."""

    beat: float
    beats: float
    pitch: int
    accent: float = 0.0


@dataclass(frozen=True, slots=True)
class Setting:
    """What the players of a piece share: its form, its chords, and the melody that leads."""

    piece: Piece
    form: Form
    chords: Sequence[Chord]
    tune: Sequence[Bar]

    @property
    def beats(self) -> int:
        return self.piece.beats_per_bar

    def bars(self, part: PiecePart) -> Iterator[tuple[int, float]]:
        """The bars in which a part plays, with the beat they begin on. In the closing bar everybody plays."""
        for bar in range(self.form.bars):
            resting = self.form.at(bar).resting
            if part.role not in resting or bar == self.form.closing_bar or self._is_alone(part):
                yield bar, float(bar * self.beats)

    def _is_alone(self, part: PiecePart) -> bool:
        return len(self.piece.parts) == 1


Writer: TypeAlias = Callable[[Setting, PiecePart, np.random.Generator], Iterator[Event]]


def write(setting: Setting, part: PiecePart, rng: np.random.Generator) -> list[Event]:
    """Return the events of one part, sorted by time."""
    low, high = instruments()[part.instrument].range
    events = _WRITERS[part.role](setting, part, rng)
    placed = [Event(e.beat, e.beats, within(e.pitch, low, high), e.accent) for e in events]
    return sorted(placed, key=lambda event: (event.beat, event.pitch))


def tune(piece: Piece, form: Form, chords: Sequence[Chord], rng: np.random.Generator) -> list[Bar]:
    """Write the leading melody of the whole piece: sections of one name have the same one."""
    home_weight = 0.7 if piece.is_solo else 0.3
    phrases: dict[tuple[str, int], tuple[Bar, ...]] = {}
    writers: dict[str, MelodyWriter] = {}
    found: list[Bar] = []
    for bar in range(form.bars):
        section = form.at(bar)
        number, position = divmod(bar - section.first_bar, BARS_PER_PHRASE)
        key = (section.name, (0, 0, 1, 0)[number % 4] if section.name != "solo" else number)
        if section.name not in writers:
            writers[section.name] = MelodyWriter(
                rng, piece.mode, piece.beats_per_bar, energy=section.energy, home_weight=home_weight
            )
        if key not in phrases:
            roots = [chords[min(bar - position + i, len(chords) - 1)].root for i in range(BARS_PER_PHRASE)]
            phrases[key] = writers[section.name].phrase(roots, is_varied=key[1] > 0)
        found.append(phrases[key][position])
    return found


def _tonic(setting: Setting, part: PiecePart) -> int:
    """The tonic in the octave from which a melody stays in the instrument's range."""
    low, high = instruments()[part.instrument].range
    centre = CENTRES.get(part.role, 72)
    return near(60 + setting.piece.tonic, min(max(centre - 4, low + 6), max(low + 6, high - 16)))


def _melody(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    tonic, mode = _tonic(setting, part), setting.piece.mode
    bars = sparse(setting.tune, rng) if part.is_sparse else list(setting.tune)
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            yield Event(first, float(setting.beats), tonic)
            continue
        for tone in bars[bar]:
            yield Event(
                first + tone.beat, tone.beats * _GRACE, scale_pitch(tonic, mode, tone.step), tone.accent
            )


def _harmony(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """A third below the melody."""
    tonic, mode = _tonic(setting, part), setting.piece.mode
    for bar, first in setting.bars(part):
        for tone in setting.tune[bar] if bar != setting.form.closing_bar else ():
            yield Event(
                first + tone.beat, tone.beats * _GRACE, scale_pitch(tonic, mode, tone.step - 2), tone.accent
            )
        if bar == setting.form.closing_bar:
            yield Event(first, float(setting.beats), scale_pitch(tonic, mode, 2))


def _laid(setting: Setting, part: PiecePart, centre: int | None = None) -> Mapping[int, list[int]]:
    """The chord of each bar in which the part plays, laid out for its instrument."""
    low, high = instruments()[part.instrument].range
    centre = centre or CENTRES.get(part.role, _CENTRE)
    centre = min(max(centre, low + 8), max(low + 8, high - 8))
    return dict(enumerate(voicings(setting.chords, low, high, centre)))


def _chords(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    comping = setting.piece.style.comping
    if part.role == "ostinato" and comping != "ostinato":
        comping = "ostinato"
    yield from _figured(setting, part, figures("comping")[comping], rng)


def _figured(setting: Setting, part: PiecePart, figure: Figure, rng: np.random.Generator) -> Iterator[Event]:
    low, _ = instruments()[part.instrument].range
    laid = _laid(setting, part)
    spread = _STRUM_BEATS if not instruments()[part.instrument].sustains else 0.0
    for bar, first in setting.bars(part):
        notes, chord = laid[bar], setting.chords[bar]
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate(notes):
                yield Event(first + 2 * spread * index, float(setting.beats), pitch)
            continue
        bass = near(chord.pitches[0], max(low + 4, 45))
        for stroke in _in_bar(figure, setting.beats):
            for index, pitch in enumerate(_struck(stroke.what, notes, bass)):
                accent = (0.06 if stroke.beat == 0 else -0.03) + float(rng.normal(0, 0.02))
                yield Event(first + stroke.beat + spread * index, stroke.beats, pitch, accent)


def _struck(what: str, notes: Sequence[int], bass: int) -> Sequence[int]:
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


def _in_bar(figure: Figure, beats: int) -> Iterator[Stroke]:
    """The strokes of a figure in a bar of any length: cut, or gone on with from its beginning."""
    for start in range(0, beats, 4):
        for stroke in figure:
            if start + stroke.beat < beats:
                yield Stroke(start + stroke.beat, min(stroke.beats, beats - start - stroke.beat), stroke.what)


def _arpeggio(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    order = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (0, 1, 2, 3), (3, 2, 1, 0))[int(rng.integers(4))]
    instrument = instruments()[part.instrument]
    busy = setting.piece.energy > 0.6 or setting.piece.tempo_bpm < 66
    step = 0.25 if busy and setting.piece.tempo_bpm < 150 else 0.5
    length = step * (0.85 if instrument.sustains or instrument.tone in {"lead", "chip"} else 2.0)
    laid = _laid(setting, part, 64)
    for bar, first in setting.bars(part):
        notes = laid[bar]
        ladder = (*notes, notes[0] + 12)
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate(notes):
                yield Event(first + 0.08 * index, float(setting.beats), pitch)
            return
        for index in range(int(setting.beats / step)):
            pitch = ladder[order[index % len(order)] % len(ladder)]
            yield Event(first + index * step, length, pitch, 0.06 if index % 4 == 0 else -0.04)


def _pad(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Long chords; what stays from one bar to the next is held and not struck again."""
    laid = _laid(setting, part)
    held: dict[int, tuple[float, float]] = {}
    for bar, first in setting.bars(part):
        notes = set(laid[bar])
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


def _chorale(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Four voices: the tune's longest notes on top, the chord below, the root at the bottom."""
    laid = _laid(setting, part, 58)
    for bar, first in setting.bars(part):
        root = near(setting.chords[bar].pitches[0], 46)
        half = setting.beats / 2
        for start, length in (
            ((0.0, half), (half, half)) if bar != setting.form.closing_bar else ((0.0, 2 * half),)
        ):
            yield Event(first + start, length, root, -0.05)
            for index, pitch in enumerate(laid[bar]):
                moved = 12 if start and index == 0 else 0
                yield Event(first + start, length, pitch + moved, 0.0)


def _cluster(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """Neighbouring semitones that slowly shift against each other."""
    low = near(60 + setting.piece.tonic, 57)
    for bar, first in setting.bars(part):
        if bar % 2 and bar != setting.form.closing_bar:
            continue
        shift = int(rng.integers(-1, 2))
        for index in range(4):
            yield Event(first + index * 0.5, 2 * setting.beats - index * 0.5, low + shift + index, -0.1)


def _drone(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    root = near(60 + setting.piece.tonic, 48)
    for bar, first in setting.bars(part):
        if bar % 4 == 0 or bar == setting.form.closing_bar:
            for pitch in (root, root + 7, root + 12):
                yield Event(first, 4.0 * setting.beats, pitch, -0.1)


def _stabs(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """Short chords in every other bar, the same in each phrase."""
    figure = ((0.0, 1.5), (1.5, 3.5), (0.5, 2.5), (3.0, 3.5))[int(rng.integers(4))]
    laid = _laid(setting, part)
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            for pitch in laid[bar]:
                yield Event(first, float(setting.beats), pitch, 0.1)
        elif bar % 2:
            for beat in figure:
                for pitch in laid[bar] if beat < setting.beats else ():
                    yield Event(first + beat, 0.35, pitch, 0.1)


def _riff(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """Power chords over muted low strings."""
    figure = figures("comping")["chug"]
    for bar, first in setting.bars(part):
        root = near(setting.chords[bar].pitches[0], 42)
        if bar == setting.form.closing_bar:
            for pitch in (root, root + 7, root + 12):
                yield Event(first, float(setting.beats), pitch, 0.1)
            continue
        for stroke in _in_bar(figure, setting.beats):
            notes = (root, root + 7, root + 12) if stroke.what == "c" else (root, root + 7)
            for pitch in notes:
                yield Event(first + stroke.beat, stroke.beats, pitch, 0.08 if stroke.beat == 0 else 0.0)


def _hands(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """A keyboard by itself: an accompaniment in the left hand, the tune in the right."""
    name = setting.piece.style.comping
    if name == "sustained":
        name = "arpeggiated"
    left = PiecePart(part.instrument, "left", part.level_db, part.intensity)
    for event in _figured_low(setting, left, figures("comping")[name]):
        yield Event(event.beat, event.beats, event.pitch, event.accent - 0.14)
    right = PiecePart(part.instrument, "melody", part.level_db, part.intensity, part.is_sparse)
    yield from _melody(setting, right, rng)


def _figured_low(setting: Setting, part: PiecePart, figure: Figure) -> Iterator[Event]:
    low, _ = instruments()[part.instrument].range
    laid = _laid(setting, part, max(50, low + 8))
    for bar, first in setting.bars(part):
        bass = near(setting.chords[bar].pitches[0], max(low + 4, 40))
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate((bass, *laid[bar])):
                yield Event(first + 0.06 * index, float(setting.beats), pitch)
            continue
        yield Event(first, float(setting.beats) * 0.95, bass, 0.02)
        for stroke in _in_bar(figure, setting.beats):
            for pitch in _struck(stroke.what, laid[bar], bass):
                yield Event(first + stroke.beat, stroke.beats, pitch)


def _bass(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    piece = setting.piece
    low, high = instruments()[part.instrument].range
    centre = min(max(CENTRES["bass"], low + 5), high - 5)
    name = piece.style.bass if piece.style.bass != "none" else "root2"
    if piece.drums is None and name == "root8":
        name = "root2"
    figure = figures("bass")[name]
    for bar, first in setting.bars(part):
        chord = setting.chords[bar]
        following = setting.chords[min(bar + 1, len(setting.chords) - 1)]
        root = near(chord.pitches[0], centre)
        if bar == setting.form.closing_bar:
            yield Event(first, setting.beats * 0.95, root)
            continue
        degrees = {
            "R": root,
            "3": near(chord.pitches[1], root + 3),
            "5": near(chord.pitches[2], root + 5),
            "8": root + 12,
            "S": near(scale_pitch(piece.tonic, piece.mode, chord.root + 6), root + 9),
            "L": near(following.pitches[0], root) + (1 if rng.random() < 0.5 else -1),
        }
        for stroke in _in_bar(figure, setting.beats):
            accent = 0.05 if stroke.beat == 0 else float(rng.normal(0, 0.02))
            yield Event(first + stroke.beat, stroke.beats, degrees[stroke.what], accent)


_WRITERS: Final[Mapping[str, Writer]] = {
    "melody": _melody, "answer": _melody, "harmony": _harmony, "chords": _chords, "ostinato": _chords,
    "arpeggio": _arpeggio, "pad": _pad, "chorale": _chorale, "cluster": _cluster, "drone": _drone,
    "stabs": _stabs, "riff": _riff, "hands": _hands, "bass": _bass,
}  # fmt: skip
