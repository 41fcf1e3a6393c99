"""The parts of the roles, bar by bar, as events in beats."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from webapp.engines.sketch.music.accompaniment import (
    arpeggio,
    breathed,
    chorale,
    chords,
    chug,
    cluster,
    drone,
    in_bar,
    laid,
    pad,
    riff,
    stabs,
    struck,
)
from webapp.engines.sketch.music.form import Form
from webapp.engines.sketch.music.harmony import Chord
from webapp.engines.sketch.music.improvising import improvised
from webapp.engines.sketch.music.melody import BARS_PER_PHRASE, Bar, MelodyWriter, sparse
from webapp.engines.sketch.music.piece import Piece, PiecePart
from webapp.engines.sketch.music.sections import below, fanfare, soli
from webapp.engines.sketch.music.setting import CENTRES, Event, Setting, Writer, tonic_of
from webapp.engines.sketch.music.styles import Figure, instruments, variants
from webapp.engines.sketch.music.theme import theme_pitch, theme_tonic
from webapp.engines.sketch.music.theory import near, scale_pitch, within

_GRACE: Final = 0.94


def write(setting: Setting, part: PiecePart, rng: np.random.Generator) -> list[Event]:
    """Return the events of one part, sorted by time."""
    low, high = instruments()[part.instrument].range
    events = _WRITERS[part.role](setting, part, rng)
    placed = [Event(e.beat, e.beats, within(e.pitch, low, high), e.accent) for e in events]
    return sorted(placed, key=lambda event: (event.beat, event.pitch))


def tune(piece: Piece, form: Form, harmony: Sequence[Chord], rng: np.random.Generator) -> list[Bar]:
    """Write the leading melody of the whole piece: sections of one name have the same one.

    A theme takes its place.
    """
    if piece.theme:
        return [piece.theme[bar % len(piece.theme)] for bar in range(form.bars)]
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
            roots = [harmony[min(bar - position + i, len(harmony) - 1)].root for i in range(BARS_PER_PHRASE)]
            phrases[key] = writers[section.name].phrase(roots, is_varied=key[1] > 0)
        found.append(phrases[key][position])
    return found


def _melody(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    tonic, mode = tonic_of(setting, part), setting.piece.mode
    if setting.piece.theme:
        tonic = theme_tonic(tonic, mode, setting.piece.theme, *instruments()[part.instrument].range)
    doubles = instruments()[part.instrument].doubles
    bars = sparse(setting.tune, rng) if part.is_sparse else list(setting.tune)
    for bar, first in setting.bars(part):
        if bar == setting.form.closing_bar:
            yield Event(first, float(setting.beats), tonic)
            continue
        for tone in bars[bar]:
            pitch = theme_pitch(tonic, mode, tone)
            yield Event(first + tone.beat, tone.beats * _GRACE, pitch, tone.accent)
            if doubles and tone.beats >= 1:
                for second in below(pitch, setting.chords[bar].pitches, 1):
                    yield Event(first + tone.beat, tone.beats * _GRACE, second, tone.accent - 0.08)


def _harmony(setting: Setting, part: PiecePart, _rng: np.random.Generator) -> Iterator[Event]:
    """A third below the melody."""
    tonic, mode = tonic_of(setting, part), setting.piece.mode
    for bar, first in setting.bars(part):
        for tone in setting.tune[bar] if bar != setting.form.closing_bar else ():
            yield Event(
                first + tone.beat, tone.beats * _GRACE, scale_pitch(tonic, mode, tone.step - 2), tone.accent
            )
        if bar == setting.form.closing_bar:
            yield Event(first, float(setting.beats), scale_pitch(tonic, mode, 2))


def _hands(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    """A keyboard by itself: accompaniment in the left hand, a tune in the right; in jazz one made up."""
    name = part.figure or setting.piece.style.comping
    if name == "sustained":
        name = "arpeggiated"
    left = PiecePart(part.instrument, "left", part.level_db, part.intensity)
    for event in _figured_low(setting, left, variants("comping", name), rng):
        yield Event(event.beat, event.beats, event.pitch, event.accent - 0.14)
    right = PiecePart(part.instrument, "melody", part.level_db, part.intensity, part.is_sparse)
    is_free = setting.piece.style.form == "jazz" and not setting.piece.theme
    yield from (improvised if is_free else _melody)(setting, right, rng)


def _figured_low(
    setting: Setting, part: PiecePart, choices: Sequence[Figure], rng: np.random.Generator
) -> Iterator[Event]:
    """The left hand. Beside a bass it leaves the roots to that, and lies higher."""
    low, _ = instruments()[part.instrument].range
    beside_bass = any(other.role == "bass" for other in setting.piece.parts)
    voiced = laid(setting, part, max(57 if beside_bass else 50, low + 8), rootless=beside_bass)
    figure = choices[0]
    for bar, first in setting.bars(part):
        bass = near(setting.chords[bar].pitches[0], max(low + 4, 40))
        if bar == setting.form.closing_bar:
            for index, pitch in enumerate((bass, *voiced[bar])):
                yield Event(first + 0.06 * index, float(setting.beats), pitch)
            continue
        if not beside_bass:
            yield Event(first, float(setting.beats) * 0.95, bass, 0.02)
        if bar % 2 == 0:
            figure = choices[int(rng.integers(len(choices)))]
        for stroke in in_bar(figure, setting.beats):
            for pitch in struck(stroke.what, voiced[bar], bass):
                yield Event(first + stroke.beat, stroke.beats, pitch)


def _bass(setting: Setting, part: PiecePart, rng: np.random.Generator) -> Iterator[Event]:
    piece = setting.piece
    low, high = instruments()[part.instrument].range
    centre = min(max(CENTRES["bass"], low + 5), high - 5)
    name = piece.style.bass if piece.style.bass != "none" else "root2"
    if piece.drums is None and name == "root8":
        name = "root2"
    choices = variants("bass", name)
    for bar, first in setting.bars(part):
        chord, figure = setting.chords[bar], choices[int(rng.integers(len(choices)))]
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
        for stroke in in_bar(figure, setting.beats):
            accent = 0.05 if stroke.beat == 0 else float(rng.normal(0, 0.02))
            yield Event(first + stroke.beat, stroke.beats, degrees[stroke.what], accent)


_WRITERS: Final[Mapping[str, Writer]] = {
    "melody": _melody, "answer": _melody, "harmony": _harmony, "chords": chords, "ostinato": chords,
    "arpeggio": arpeggio, "pad": pad, "chorale": chorale, "cluster": cluster, "drone": drone,
    "stabs": stabs, "riff": riff, "chug": chug, "hands": _hands, "bass": _bass, "breathed": breathed,
    "soli": soli, "fanfare": fanfare, "improvised": improvised,
}  # fmt: skip
