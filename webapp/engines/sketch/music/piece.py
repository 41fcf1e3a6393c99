"""Decides what the request leaves open: tempo, key, who plays, which groove."""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from webapp.engines.sketch.music.melody import Bar
from webapp.engines.sketch.music.request import InstrumentRequest, MusicRequest
from webapp.engines.sketch.music.styles import (
    DEFAULT_PARTS,
    NO_STYLE,
    Style,
    grooves,
    instruments,
    styles,
)
from webapp.engines.sketch.music.theme import theme_bars
from webapp.engines.sketch.music.theory import SCALES

_ROLLS: Final = {"roll": "snare", "timpani_roll": "timpani"}
_FREE_CHANGE, _EXACT_CHANGE = 0.2, 0.01
_FAST_ENERGY: Final = 0.7
_IN_FRONT_DB: Final = 2.5
_BEHIND_DB: Final = 1.5
_STYLE_LEVELS: Final = 0.6
# Roles that already do what another role would add.
_COVERS: Final = {
    "hands": {"hands", "chords", "arpeggio", "melody"},
    "arpeggio": {"arpeggio", "chords"},
    "riff": {"riff", "chords"},
    "stabs": {"stabs"},
}
_MOOD_MODES: Final = {
    "happy": ("major",), "uplifting": ("major", "lydian"), "sad": ("minor",),
    "melancholic": ("minor", "dorian"), "dark": ("minor", "phrygian"),
    "scary": ("phrygian", "locrian", "harmonic minor"),
    "mysterious": ("phrygian", "harmonic minor", "dorian"), "tense": ("phrygian", "minor"),
    "calm": ("major", "lydian", "dorian"), "dreamy": ("lydian", "major"), "magical": ("lydian", "major"),
    "romantic": ("major", "minor"), "playful": ("major", "mixolydian"),
    "energetic": ("major", "mixolydian", "minor"), "aggressive": ("minor", "phrygian"),
    "heroic": ("major", "mixolydian"), "groovy": ("dorian", "mixolydian"),
}  # fmt: skip
# Who plays a theme where nobody has a melody.
_LEADS: Final = ("piano", "flute", "vibraphone", "clarinet")
_ERA_KITS: Final = {"1980s": "909", "1920s": "brushes", "1940s": "jazz", "1950s": "brushes"}
_KITS_OF_PIECES: Final = {
    "taiko": "taiko",
    "timpani": "taiko",
    "tabla": "tabla",
    "conga": "latin",
    "bongo": "latin",
    "djembe": "latin",
    "roll": "march",
    "timpani_roll": "taiko",
}


@dataclass(frozen=True, slots=True)
class PiecePart:
    """Somebody who plays in the piece."""

    instrument: str
    role: str
    level_db: float = 0.0
    intensity: float = 0.5
    is_sparse: bool = False
    effect: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Drums:
    """The drums of the piece: the kit, the lanes of its groove, and how hard they are played."""

    kit: str
    lanes: dict[str, str]
    level_db: float = 0.0
    intensity: float = 0.5
    is_named: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """Everything that holds for the whole piece. ``tonic`` is a pitch class from 0 to 11.

    ``theme`` are the bars of a melody that was given; the lead plays it over and over. Empty without one.
    """

    seed: int
    style: Style
    tempo_bpm: float
    beats_per_bar: int
    tonic: int
    mode: str
    energy: float
    space: float
    articulation: str
    parts: tuple[PiecePart, ...]
    drums: Drums | None
    is_solo: bool
    theme: tuple[Bar, ...] = ()

    @property
    def beat_s(self) -> float:
        return 60.0 / self.tempo_bpm

    @property
    def bar_s(self) -> float:
        return self.beat_s * self.beats_per_bar


def compose(request: MusicRequest, seed: int) -> Piece:
    """Return the piece for a request; the seed decides what neither the request nor its style does."""
    choices_seed = seed if request.choices_seed is None else request.choices_seed
    rng = np.random.default_rng([choices_seed % 2**63, 11])
    style = styles().get(request.genre, NO_STYLE)
    beats = request.beats_per_bar or style.beats_per_bar
    energy = style.energy if request.energy is None else (request.energy + style.energy) / 2
    tempo_bpm = _tempo(request, style, energy, rng)
    if request.loop_s:
        tempo_bpm = _fitted(tempo_bpm, beats, request.loop_s, is_exact=request.tempo_bpm is not None)
    mode = _mode(request, style, rng)
    tonic = int(rng.integers(12)) if request.tonic is None else request.tonic
    if request.motif and request.tonic is None:
        tonic = request.motif.tonic
    parts = tuple(_one_lead(_parts(request, style, rng)))
    return Piece(
        seed=seed, style=style, tempo_bpm=tempo_bpm, beats_per_bar=beats, tonic=tonic, mode=mode,
        energy=energy, space=style.space if request.space is None else request.space,
        articulation=request.articulation, parts=_with_lead(parts) if request.motif else parts,
        drums=_drums(request, style), is_solo=request.solo,
        theme=theme_bars(request.motif, mode, beats) if request.motif else (),
    )  # fmt: skip


def _tempo(request: MusicRequest, style: Style, energy: float, rng: np.random.Generator) -> float:
    if request.tempo_bpm is not None:
        return request.tempo_bpm
    low, high = style.tempo_bpm
    if request.motif is not None and request.tempo_range is None:
        return _tempo_of(request.motif.tempo_bpm, low, high) if request.genre else request.motif.tempo_bpm
    if request.tempo_range is not None and request.genre:
        # "Slow techno" is slow for techno, not as slow as a lullaby.
        slowest, fastest = 0.75 * low, 1.3 * high
        low, high = (min(max(bpm, slowest), fastest) for bpm in request.tempo_range)
    elif request.tempo_range is not None:
        low, high = request.tempo_range
    elif request.energy is not None and not request.genre:
        low, high = 60 + 80 * energy, 76 + 90 * energy
    return float(round(rng.uniform(low, high)))


def _tempo_of(heard_bpm: float, low: float, high: float) -> float:
    """Return a line's tempo, or half or twice that, whichever suits the style, within its range."""
    best = min((heard_bpm / 2, heard_bpm, 2 * heard_bpm), key=lambda bpm: max(low - bpm, bpm - high))
    return min(max(best, low), high)


def _fitted(tempo_bpm: float, beats_per_bar: int, loop_s: float, *, is_exact: bool) -> float:
    """Bend the tempo a little so that whole bars, or at least whole beats, fill the loop."""
    limit = _EXACT_CHANGE if is_exact else _FREE_CHANGE
    for unit_beats in (beats_per_bar, 1):
        units = max(1, round(loop_s * tempo_bpm / 60 / unit_beats))
        fitted = units * unit_beats * 60 / loop_s
        if abs(fitted / tempo_bpm - 1) <= limit:
            return fitted
    return tempo_bpm


def _mode(request: MusicRequest, style: Style, rng: np.random.Generator) -> str:
    if request.mode in SCALES:
        return str(request.mode)
    if request.motif is not None:
        return request.motif.mode
    modes = next((_MOOD_MODES[mood] for mood in request.moods if mood in _MOOD_MODES), None)
    if modes is None and request.tonic is not None and not request.genre:
        # A bare letter is a major key.
        return "major"
    modes = modes or style.modes
    return modes[int(rng.integers(len(modes)))]


def _parts(request: MusicRequest, style: Style, rng: np.random.Generator) -> Iterator[PiecePart]:
    """Those whom the prompt names, and of the style's own those that do what nobody does yet."""
    is_alone = not style.parts and len(request.instruments) == 1 and request.drums is None
    is_short = request.articulation == "staccato"
    named = [_named(one, style, is_alone=is_alone, is_short=is_short) for one in request.instruments]
    yield from named
    if request.solo and named:
        return
    ensemble = style.parts
    if not named and not ensemble:
        if request.drums is not None:
            return
        ensemble = DEFAULT_PARTS[int(rng.integers(len(DEFAULT_PARTS)))]
    covered = {role for part in named for role in _COVERS.get(part.role, {part.role})}
    names = {part.instrument for part in named}
    for part in ensemble:
        if part.role in covered and not (part.role == "chords" and "hands" not in covered and len(named) < 1):
            continue
        if {part.role, part.instrument} & request.without or part.instrument in names:
            continue
        level_db = _STYLE_LEVELS * part.level_db - (_BEHIND_DB if named else 0.0)
        yield PiecePart(part.instrument, part.role, level_db, 0.5, part.is_sparse, part.effect, part.figure)


def _named(one: InstrumentRequest, style: Style, *, is_alone: bool, is_short: bool) -> PiecePart:
    """A named instrument is in front of the style's own. Alone, it plays what shows it best."""
    instrument = instruments()[one.instrument]
    role = one.role or "melody"
    if role == "bass" and (instrument.range[0] > 48 or (is_alone and instrument.sustains)):
        role = "melody"
    if role == "chords" and instrument.drive and style.comping == "chug":
        role = "riff"
    if role == "pad" and is_short:
        role = "ostinato"
    return PiecePart(one.instrument, role, one.level_db + _IN_FRONT_DB, one.intensity)


def _one_lead(parts: Iterator[PiecePart]) -> Iterator[PiecePart]:
    """Only one part leads at a time: a second melody answers it, and keyboards beside a melody accompany."""
    led = False
    for part in parts:
        if part.role == "melody" and led and not part.is_sparse:
            yield replace(part, role="answer", is_sparse=True)
        elif part.role == "hands" and led:
            yield replace(part, role="chords")
        else:
            yield part
        led = led or part.role in {"melody", "hands"}


def _with_lead(parts: tuple[PiecePart, ...]) -> tuple[PiecePart, ...]:
    """See to it that somebody plays the theme as it is."""
    for wanted in ("melody", "hands", "improvised"):
        for index, part in enumerate(parts):
            if part.role == wanted:
                role = "melody" if wanted == "improvised" else wanted
                lead = replace(part, role=role, is_sparse=False)
                return (*parts[:index], lead, *parts[index + 1 :])
    used = {part.instrument for part in parts}
    instrument = next(name for name in _LEADS if name not in used)
    return (PiecePart(instrument, "melody"), *parts)


def _drums(request: MusicRequest, style: Style) -> Drums | None:
    if "drums" in request.without or (request.solo and request.drums is None):
        return None
    asked = request.drums
    if asked is None and not style.groove:
        return None
    groove = grooves()[style.groove or "rock"]
    kit = (asked.kit if asked else "") or _ERA_KITS.get(request.era, "") or groove.kit
    lanes = dict(groove.lanes)
    if asked is not None and asked.pieces:
        own = {piece: line for name in asked.pieces for piece, line in _lanes_of(name).items()}
        # With a groove of its own, the style keeps it and the named pieces join in.
        lanes = {**lanes, **own} if style.groove else own
        kit = next((_KITS_OF_PIECES[piece] for piece in asked.pieces if piece in _KITS_OF_PIECES), kit)
    beats = request.beats_per_bar or style.beats_per_bar
    if beats == 3 and style.groove != "waltz":
        lanes = lanes if asked and asked.pieces else dict(grooves()["waltz"].lanes)
    level_db, intensity = (asked.level_db + _IN_FRONT_DB, asked.intensity) if asked else (0.0, 0.5)
    return Drums(kit, lanes, level_db, intensity, is_named=asked is not None)


def _lanes_of(asked: str) -> dict[str, str]:
    """Return the lanes of one drum that the prompt asks for: a roll, a groove of its own, or a pattern."""
    if asked in _ROLLS:
        return {_ROLLS[asked]: "r" * 16}
    own = grooves().get(asked)
    return dict(own.lanes) if own else {asked: _lone(asked)}


def _lone(piece: str) -> str:
    """Return the pattern of a drum that the prompt names."""
    for groove in grooves().values():
        if piece in groove.lanes and "X" in groove.lanes[piece]:
            return groove.lanes[piece]
    return "X..x..x.X..x..x."


def stream(piece: Piece, name: str) -> np.random.Generator:
    """Return a generator of its own for ``name``, so that one part's choices never shift another's."""
    return np.random.default_rng([piece.seed % 2**63, zlib.crc32(name.encode())])
