"""From a piece to its score: everybody's notes and strokes in seconds, played as people play."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from webapp.engines.sketch.music.form import form_of
from webapp.engines.sketch.music.harmony import chords
from webapp.engines.sketch.music.parts import tune, write
from webapp.engines.sketch.music.piece import Drums, Piece, PiecePart, stream
from webapp.engines.sketch.music.score import Hit, Note, PartScore, Score
from webapp.engines.sketch.music.setting import Event, Setting
from webapp.engines.sketch.music.styles import instruments

_ELECTRONIC_KITS: Final = frozenset({"909", "808", "chip"})
_LOOSE_S, _TIGHT_S = 0.007, 0.0
_STEPS_PER_BEAT: Final = 4
_STROKES_PER_BEAT: Final = 2
# A roll is so many strokes in one step.
_ROLL: Final = 2
_STROKES: Final = {"X": 1.0, "x": 0.72, "o": 0.4, "r": 0.5}
_NOT_LIGHT: Final = frozenset({"snare", "clap", "tom", "crash"})
_FILL: Final = ("snare", "snare", "tom", "tom")
_BARS_BETWEEN_FILLS: Final = 8
_PUMPING: Final = frozenset({"house", "techno", "trance", "four on the floor"})
_PANS: Final = (0.0, 0.3, -0.3, 0.45, -0.45, 0.18, -0.18)
_IN_FRONT: Final = frozenset({"melody", "hands", "bass", "riff"})
_ARTICULATIONS: Final = {"legato": 1.05, "staccato": 0.45, "": 1.0}
_CRACKLING: Final = {"lofi": 0.5}


def arrange(piece: Piece, duration_s: float, *, with_ending: bool) -> Score:
    """Write the score for a duration; without an ending it simply goes on past the end."""
    form = form_of(piece, duration_s, with_ending=with_ending)
    harmony = chords(piece, form, stream(piece, "chords"))
    setting = Setting(piece, form, harmony, tune(piece, form, harmony, stream(piece, "tune")))
    groove = piece.style.groove
    return Score(
        parts=tuple(_part(setting, part, index) for index, part in enumerate(piece.parts)),
        kit=piece.drums.kit if piece.drums else "",
        hits=tuple(sorted(_hits(setting), key=lambda hit: hit.start_s)) if piece.drums else (),
        drums_db=piece.drums.level_db if piece.drums else 0.0,
        beat_s=piece.beat_s,
        space=piece.space,
        pump=0.45 if groove in _PUMPING and piece.drums else 0.0,
        crackle=_CRACKLING.get(groove, 0.0),
        energy=piece.energy,
    )


def _part(setting: Setting, part: PiecePart, index: int) -> PartScore:
    name = f"{index} {part.instrument} {part.role}"
    events = write(setting, part, stream(setting.piece, name))
    pan = 0.0 if part.role in _IN_FRONT else _PANS[index % len(_PANS)]
    return PartScore(
        part.instrument, part.role, part.level_db, pan, part.effect,
        tuple(_played(setting, part, events, stream(setting.piece, f"touch {name}"))),
    )  # fmt: skip


def _played(
    setting: Setting, part: PiecePart, events: list[Event], rng: np.random.Generator
) -> Iterator[Note]:
    """Play events as a person would: a little early or late, louder or softer."""
    piece, form = setting.piece, setting.form
    loose_s = _TIGHT_S if piece.drums and piece.drums.kit in _ELECTRONIC_KITS else _LOOSE_S
    length = _ARTICULATIONS[piece.articulation]
    closing = None if form.closing_bar is None else float(form.closing_bar * setting.beats)
    is_strummed = bool(instruments()[part.instrument].strings)
    late_s, stroke = 0.0, -1
    notes = []
    for event in events:
        # The strings of one stroke are early or late together.
        if not is_strummed or round(event.beat * _STROKES_PER_BEAT) != stroke:
            late_s, stroke = float(rng.normal(0, loose_s)), round(event.beat * _STROKES_PER_BEAT)
        start_s = max(0.0, swung(event.beat, piece.style.swing) * piece.beat_s + late_s)
        if start_s >= form.end_s:
            continue
        section = form.at(int(event.beat // setting.beats))
        touch = (
            0.34 + 0.22 * part.intensity + 0.26 * section.energy + event.accent + float(rng.normal(0, 0.04))
        )
        closes = closing is not None and event.beat >= closing
        duration_s = form.end_s - start_s if closes else max(0.04, event.beats * piece.beat_s * length)
        notes.append(Note(start_s, duration_s, event.pitch, min(1.0, max(0.08, touch))))
    yield from sorted(notes, key=lambda note: note.start_s)


def swung(beat: float, swing: float) -> float:
    """Delay off-beat eighths by ``swing`` of half a beat, and sixteenths by as much of a quarter."""
    inside = beat % 1.0
    if 0.4 < inside < 0.6:
        return beat + 0.5 * swing
    return beat + 0.25 * swing if 0.7 < inside < 0.8 else beat


def _hits(setting: Setting) -> Iterator[Hit]:
    piece, form = setting.piece, setting.form
    drums = piece.drums
    if drums is None:
        return
    rng = stream(piece, "drums")
    loose_s = 0.0008 if drums.kit in _ELECTRONIC_KITS else 0.004
    for bar in range(form.bars):
        section = form.at(bar)
        if (
            "drums" in section.resting
            and not (drums.is_named and not piece.parts)
            and bar != form.closing_bar
        ):
            continue
        for beat, piece_, level in _bar(setting, drums, bar, rng):
            start_s = swung(bar * setting.beats + beat, piece.style.swing) * piece.beat_s
            start_s = max(0.0, start_s + float(rng.normal(0, loose_s)))
            velocity = (
                level * (0.6 + 0.3 * drums.intensity + 0.25 * section.energy) * float(rng.uniform(0.9, 1.0))
            )
            if start_s < form.end_s:
                yield Hit(start_s, piece_, min(1.0, velocity))


def _bar(
    setting: Setting, drums: Drums, bar: int, rng: np.random.Generator
) -> Iterator[tuple[float, str, float]]:
    """The strokes of one bar as beat, piece and level. A crash opens sections, and a fill closes them."""
    form, steps = setting.form, setting.beats * _STEPS_PER_BEAT
    section = form.at(bar)
    is_kit = "kick" in drums.lanes and len(drums.lanes) > 2
    if bar == form.closing_bar:
        # A lone drum ends by itself.
        yield from ((0.0, piece, 0.9) for piece in (("kick", "crash") if is_kit else drums.lanes))
        return
    if is_kit and bar == section.first_bar and bar > 0:
        yield 0.0, "crash", 0.7
    last = section.first_bar + section.bars - 1
    fills = (
        is_kit
        and "snare" in drums.lanes
        and (bar == last or bar % _BARS_BETWEEN_FILLS == _BARS_BETWEEN_FILLS - 1)
    )
    fill_start = float(setting.beats - 1)
    light = section.name in {"intro", "outro"} and is_kit
    for piece, line in drums.lanes.items():
        if not (light and piece in _NOT_LIGHT):
            for beat, level in _lane(line, bar, steps):
                if not (fills and beat >= fill_start and piece != "kick"):
                    yield beat, piece, level
    if fills:
        for index, piece in enumerate(_FILL):
            if rng.random() < 0.85:
                yield fill_start + index / 4, piece, 0.6 + 0.1 * index


def _lane(line: str, bar: int, steps: int) -> Iterator[tuple[float, float]]:
    """The strokes of one piece in a bar: beat and level."""
    offset = (bar * steps) % len(line) if len(line) % steps == 0 else 0
    for index in range(steps):
        mark = line[(offset + index) % len(line)]
        for part in range(_ROLL if mark == "r" else int(mark in _STROKES)):
            yield (index + part / _ROLL) / _STEPS_PER_BEAT, _STROKES[mark]
