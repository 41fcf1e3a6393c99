"""From a plan to a score: bars of chords, what every part plays in them, an ending."""

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from webapp.engines.sketch import melody
from webapp.engines.sketch.drums import bar_hits
from webapp.engines.sketch.instruments import TONES, Struck
from webapp.engines.sketch.plan import Hit, Note, Part, Plan, Score
from webapp.engines.sketch.theory import PROGRESSIONS, chord_steps, near, scale_pitch

_MIN_ENDING_S = 8.0
_RING_SHARE, _MAX_RING_S = 0.12, 2.5
_STYLE_CENTRES = {"melody": 74, "chords": 60, "hands": 60, "arpeggio": 64, "pad": 60, "bass": 38}
_ELECTRONIC_DRUMS = frozenset({"techno", "house", "trap", "breakbeat", "halftime"})


_Event = tuple[float, float, int, float]
"""Beat from the start, length in beats, pitch, accent."""


@dataclass(frozen=True, slots=True)
class _Form:
    """How many bars are played, where the closing chord stands, and the chords in between."""

    bars: int
    closing_bar: int | None
    closing_beat: float | None
    end_s: float
    roots: tuple[int, ...]

    def root(self, bar: int) -> int:
        return 0 if bar == self.closing_bar else self.roots[bar % len(self.roots)]


def arrange(plan: Plan, duration_s: float, *, with_ending: bool) -> Score:
    """What is played in ``duration_s`` seconds; without an ending it simply goes on past the end."""
    form = _form(plan, duration_s, with_ending)
    notes = tuple(
        tuple(sorted(_part_notes(plan, part, form), key=lambda n: n.start_s)) for part in plan.parts
    )
    hits = tuple(sorted(_drum_hits(plan, form), key=lambda hit: hit.start_s))
    return Score(notes, hits)


def stream(plan: Plan, name: str) -> np.random.Generator:
    """A generator of its own for ``name``, so that one part's choices never shift another's."""
    return np.random.default_rng([plan.seed, zlib.crc32(name.encode())])


def _form(plan: Plan, duration_s: float, with_ending: bool) -> _Form:
    bar_s = plan.beat_s * plan.beats_per_bar
    choices = PROGRESSIONS[plan.mode]
    roots = choices[stream(plan, "chords").integers(len(choices))]
    bars = int(np.ceil(duration_s / bar_s))
    if not with_ending or duration_s < _MIN_ENDING_S:
        return _Form(bars, None, None, duration_s, roots)
    closing = int((duration_s - min(_MAX_RING_S, duration_s * _RING_SHARE)) / bar_s)
    if closing == 0:
        return _Form(bars, None, None, duration_s, roots)
    return _Form(closing + 1, closing, float(closing * plan.beats_per_bar), duration_s, roots)


def _part_notes(plan: Plan, part: Part, form: _Form) -> Iterator[Note]:
    rng = stream(plan, f"part {part.instrument} {part.style}")
    writers = {
        "melody": _melody,
        "chords": _chords,
        "arpeggio": _arpeggio,
        "pad": _pad,
        "bass": _bass,
        "hands": _hands,
    }
    events = sorted(writers[part.style](plan, part, form, rng))
    yield from _played(plan, part, form, events)


def _played(plan: Plan, part: Part, form: _Form, events: list[_Event]) -> Iterator[Note]:
    """Events as a person would play them: a little early or late, louder or softer, within reach."""
    rng = stream(plan, f"touch {part.instrument} {part.style}")
    low, high = TONES[part.instrument].range
    loose_s = 0.0 if plan.drums and plan.drums.pattern in _ELECTRONIC_DRUMS else 0.007
    for beat, beats, pitch, accent in events:
        start_s = max(0.0, _swung(beat, plan.swing) * plan.beat_s + float(rng.normal(0, loose_s)))
        touch = 0.35 + 0.4 * part.intensity + accent + float(rng.normal(0, 0.05))
        if start_s >= form.end_s:
            continue
        closes = form.closing_beat is not None and beat >= form.closing_beat
        duration_s = form.end_s - start_s if closes else beats * plan.beat_s
        yield Note(start_s, duration_s, _within(pitch, low, high), min(1.0, max(0.05, touch)))


def _within(pitch: int, low: int, high: int) -> int:
    """``pitch`` in the nearest octave from ``low`` to ``high``, which are more than an octave apart."""
    if pitch < low:
        return pitch + 12 * math.ceil((low - pitch) / 12)
    if pitch > high:
        return pitch - 12 * math.ceil((pitch - high) / 12)
    return pitch


def _melody(plan: Plan, part: Part, form: _Form, rng: np.random.Generator) -> Iterator[_Event]:
    yield from _melody_from(
        plan, form, rng, _tonic(plan, part, "melody"), home_weight=0.75 if plan.solo else 0.25
    )


def _melody_from(
    plan: Plan, form: _Form, rng: np.random.Generator, tonic: int, home_weight: float
) -> Iterator[_Event]:
    roots = (form.roots * melody.BARS_PER_PHRASE)[: melody.BARS_PER_PHRASE]
    phrases = [melody.phrase(rng, roots, plan.beats_per_bar, home_weight) for _ in range(2)]
    for bar in range(form.bars):
        first_beat = bar * plan.beats_per_bar
        if bar == form.closing_bar:
            yield first_beat, float(plan.beats_per_bar), tonic, 0.0
            return
        number, position = divmod(bar, melody.BARS_PER_PHRASE)
        chosen = phrases[(0, 0, 1, 0)[number % 4]]
        for tone in chosen[position]:
            accent = 0.08 if tone.beat == 0 else 0.0
            yield first_beat + tone.beat, tone.beats * 0.94, scale_pitch(tonic, plan.mode, tone.step), accent


def _chords(plan: Plan, part: Part, form: _Form, rng: np.random.Generator) -> Iterator[_Event]:
    strokes = {3: ((1.0, 0.8), (2.0, 0.8)), 4: ((0.0, 1.4), (1.5, 0.9), (2.5, 1.4))}[plan.beats_per_bar]
    if plan.tempo_bpm < 76:
        strokes = ((0.0, plan.beats_per_bar - 1.0), (plan.beats_per_bar - 1.0, 0.9))
    for bar, pitches in _voicings(plan, part, form):
        first_beat = bar * plan.beats_per_bar
        if bar == form.closing_bar:
            strokes = ((0.0, float(plan.beats_per_bar)),)
        for offset, beats in strokes:
            for spread, pitch in enumerate(pitches):
                yield first_beat + offset + 0.015 * spread, beats, pitch, -0.06 + float(rng.normal(0, 0.02))


def _arpeggio(plan: Plan, part: Part, form: _Form, rng: np.random.Generator) -> Iterator[_Event]:
    order = ((0, 1, 2, 3, 2, 1), (0, 2, 1, 3), (0, 1, 2, 3))[rng.integers(3)]
    step = 0.25 if plan.tempo_bpm < 60 else 0.5
    length = step * (2.2 if isinstance(TONES[part.instrument], Struck) else 0.8)
    for bar, pitches in _voicings(plan, part, form):
        ladder = (*pitches, pitches[0] + 12)
        first_beat = bar * plan.beats_per_bar
        if bar == form.closing_bar:
            for spread, pitch in enumerate(pitches):
                yield first_beat + 0.08 * spread, float(plan.beats_per_bar), pitch, 0.0
            return
        for index in range(int(plan.beats_per_bar / step)):
            pitch = ladder[order[index % len(order)] % len(ladder)]
            yield first_beat + index * step, length, pitch, 0.06 if index == 0 else -0.04


def _pad(plan: Plan, part: Part, form: _Form, _rng: np.random.Generator) -> Iterator[_Event]:
    for bar, pitches in _voicings(plan, part, form):
        for pitch in pitches:
            yield bar * plan.beats_per_bar, float(plan.beats_per_bar), pitch, 0.0


def _hands(plan: Plan, part: Part, form: _Form, rng: np.random.Generator) -> Iterator[_Event]:
    """A keyboard by itself: broken chords in the left hand, a melody in the right."""
    beats = plan.beats_per_bar
    for bar, pitches in _voicings(plan, part, form, centre=52):
        first_beat = bar * beats
        low = near(pitches[0], 43)
        if bar == form.closing_bar:
            for spread, pitch in enumerate((low, *pitches)):
                yield first_beat + 0.06 * spread, float(beats), pitch, -0.05
            break
        yield first_beat, float(beats), low, -0.02
        for index in range(1, beats * 2 if plan.tempo_bpm < 84 else beats):
            offset = index * (0.5 if plan.tempo_bpm < 84 else 1.0)
            yield first_beat + offset, beats - offset, pitches[(0, 1, 2, 1)[(index - 1) % 4]], -0.16
    yield from _melody_from(plan, form, rng, near(60 + plan.tonic, 72), home_weight=0.25)


def _bass(plan: Plan, part: Part, form: _Form, rng: np.random.Generator) -> Iterator[_Event]:
    low, high = TONES[part.instrument].range
    centre = min(max(_STYLE_CENTRES["bass"], low + 5), high - 5)
    pattern = plan.drums.pattern if plan.drums else ""
    for bar in range(form.bars):
        first_beat = bar * plan.beats_per_bar
        root = near(scale_pitch(plan.tonic, plan.mode, form.root(bar)), centre)
        fifth = near(scale_pitch(plan.tonic, plan.mode, form.root(bar) + 4), centre + 4)
        if bar == form.closing_bar or not pattern:
            yield first_beat, plan.beats_per_bar * 0.95, root, 0.0
            continue
        for offset, beats, use_fifth in _bass_figure(pattern, plan.beats_per_bar, rng):
            yield first_beat + offset, beats, fifth if use_fifth else root, 0.04 if offset == 0 else 0.0


def _bass_figure(
    pattern: str, beats_per_bar: int, rng: np.random.Generator
) -> list[tuple[float, float, bool]]:
    if pattern in {"techno", "house"}:
        return [(beat + 0.5, 0.4, False) for beat in range(beats_per_bar)]
    if pattern == "jazz":
        return [
            (float(beat), 0.9, beat == 2 or (beat == 1 and rng.random() < 0.4))
            for beat in range(beats_per_bar)
        ]
    if pattern in {"rock", "metal", "march"}:
        return [(beat / 2, 0.45, False) for beat in range(beats_per_bar * 2)]
    figure = [(0.0, 1.4, False), (1.5, 0.45, False), (2.0, 0.9, False), (3.0, 0.45, True), (3.5, 0.45, False)]
    return [event for event in figure if event[0] < beats_per_bar]


def _voicings(
    plan: Plan, part: Part, form: _Form, centre: int | None = None
) -> Iterator[tuple[int, list[int]]]:
    """Each bar's chord, laid out so that its notes move as little as they can from the bar before."""
    low, high = TONES[part.instrument].range
    centre = centre or min(max(_STYLE_CENTRES[part.style], low + 8), high - 10)
    previous = [centre - 4, centre, centre + 4]
    for bar in range(form.bars):
        steps = chord_steps(form.root(bar))
        pitches = [scale_pitch(plan.tonic, plan.mode, step) for step in steps]
        laid = sorted(
            {near(pitch, round(np.mean(previous)) + 4 * (i - 1)) for i, pitch in enumerate(pitches)}
        )
        mean = sum(laid) / len(laid)
        shift = -12 if mean > centre + 7 else 12 if mean < centre - 7 else 0
        previous = [pitch + shift for pitch in laid]
        yield bar, previous


def _tonic(plan: Plan, part: Part, style: str) -> int:
    """The tonic in the octave from which a melody of ten steps stays in the instrument's range."""
    low, high = TONES[part.instrument].range
    return near(60 + plan.tonic, min(max(_STYLE_CENTRES[style], low + 8), max(low + 6, high - 20)))


def _swung(beat: float, swing: float) -> float:
    """Off-beat eighths come later by ``swing`` of half a beat."""
    inside = beat % 1.0
    return beat + 0.5 * swing if 0.4 < inside < 0.6 else beat


def _drum_hits(plan: Plan, form: _Form) -> Iterator[Hit]:
    if plan.drums is None:
        return
    rng = stream(plan, "drums")
    loose = 0.0015 if plan.drums.pattern in _ELECTRONIC_DRUMS else 0.005
    for bar in range(form.bars):
        first_beat = bar * plan.beats_per_bar
        closing = bar == form.closing_bar
        for beat, piece, velocity in bar_hits(plan.drums, plan.beats_per_bar, bar, closing, rng):
            start_s = _swung(first_beat + beat, plan.swing) * plan.beat_s + float(rng.normal(0, loose))
            level = velocity * (0.75 + 0.5 * plan.drums.intensity) * float(rng.uniform(0.9, 1.0))
            if start_s < form.end_s:
                yield Hit(max(0.0, start_s), piece, min(1.0, level))
