"""Styles, instruments, grooves and figures, read once from the data files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_DATA: Final = Path(__file__).parent / "data"


@dataclass(frozen=True, slots=True)
class StylePart:
    """An instrument of a style's ensemble, and how it plays; ``figure`` where not as the style comps."""

    instrument: str
    role: str
    level_db: float = 0.0
    is_sparse: bool = False
    effect: str = ""
    figure: str = ""


@dataclass(frozen=True, slots=True)
class Style:
    """A style of music: the defaults where the prompt does not say otherwise."""

    tempo_bpm: tuple[float, float]
    modes: tuple[str, ...]
    parts: tuple[StylePart, ...]
    bass: str
    comping: str
    form: str
    groove: str = ""
    swing: float = 0.0
    beats_per_bar: int = 4
    space: float = 0.35
    energy: float = 0.5


@dataclass(frozen=True, slots=True)
class Instrument:
    """An instrument's sound: a program of the font, or a tone of our own; ``range`` in MIDI keys.

    ``centre`` is about where it plays melodies, where that is not for its role to say. ``drive`` is how far
    a guitar's amplifier bends its sound. A section is several players; ``beside`` is the program of those on
    its other side. One that sweeps plays its arpeggios over all its strings. Chords are fingered on
    ``strings``, which are open strings as MIDI keys. One that doubles puts the chord's next note below the
    long notes of a tune. ``pedal`` is what it always sounds through. What is left is as :class:`Manner` says.
    """

    tone: str
    range: tuple[int, int]
    program: int | None = None
    bank: int = 0
    gain_db: float = 0.0
    sustains: bool = False
    width: float = 0.2
    drive: float = 0.0
    centre: int | None = None
    vibrato_cents: float = 0.0
    scoop_cents: float = 30.0
    accent: float = 0.0
    steepening: float = 0.0
    is_section: bool = False
    beside: int | None = None
    sweeps: bool = False
    strings: tuple[int, ...] = ()
    release_s: float = 0.0
    doubles: bool = False
    pedal: str = ""


@dataclass(frozen=True, slots=True)
class Groove:
    """A drum pattern: the kit, and for each piece its steps."""

    kit: str
    lanes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Stroke:
    """One stroke of a figure: the beat in the bar, its length in beats, what is played."""

    beat: float
    beats: float
    what: str


Figure = tuple[Stroke, ...]
# For music that names no style.
NO_STYLE: Final = Style(
    tempo_bpm=(84, 108),
    modes=("major", "minor", "dorian"),
    parts=(),
    bass="root2",
    comping="arpeggiated",
    form="song",
)
# What plays when a prompt asks for music and names neither instruments nor a style.
DEFAULT_PARTS: Final = (
    (StylePart("piano", "hands"), StylePart("strings", "pad", -6.0)),
    (StylePart("acoustic guitar", "arpeggio"), StylePart("flute", "melody")),
    (
        StylePart("electric piano", "chords"),
        StylePart("bass guitar", "bass"),
        StylePart("vibraphone", "melody"),
    ),
    (StylePart("pad", "pad"), StylePart("bells", "melody", -3.0, is_sparse=True)),
    (StylePart("harp", "arpeggio"), StylePart("strings", "pad", -3.0), StylePart("oboe", "melody")),
)


@cache
def styles() -> Mapping[str, Style]:
    """The styles by name."""
    return {name: _style(entry) for name, entry in _read("styles").items()}


@cache
def instruments() -> Mapping[str, Instrument]:
    """The instruments by name."""
    return {
        name: Instrument(
            **{**entry, "range": tuple(entry["range"]), "strings": tuple(entry.get("strings", ()))}
        )
        for name, entry in _read("instruments").items()
    }


@cache
def grooves() -> Mapping[str, Groove]:
    """The drum grooves by name."""
    return {
        name: Groove(entry["kit"], {piece: steps for piece, steps in entry.items() if piece != "kit"})
        for name, entry in _read("grooves").items()
    }


@cache
def figures(kind: str) -> Mapping[str, Figure]:
    """The figures of ``bass`` or ``comping`` by name."""
    return {name: tuple(map(_stroke, listed.split())) for name, listed in _read("figures")[kind].items()}


@cache
def variants(kind: str, name: str) -> tuple[Figure, ...]:
    """A figure and its variants, which are named after it with a number."""
    return tuple(
        figure
        for other, figure in figures(kind).items()
        if other == name or other.rstrip("0123456789") == f"{name} "
    )


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads((_DATA / f"{name}.toml").read_text(encoding="utf-8"))


def _style(entry: dict[str, Any]) -> Style:
    low, high = entry["tempo_bpm"]
    return Style(
        **{
            **entry,
            "tempo_bpm": (float(low), float(high)),
            "modes": tuple(entry["modes"]),
            "parts": tuple(map(_part, entry["parts"])),
        }
    )


def _part(text: str) -> StylePart:
    instrument, _, rest = text.partition(":")
    role, *said = rest.split()
    level_db, is_sparse, effect, figure = 0.0, False, "", ""
    for word in said:
        if word == "sparse":
            is_sparse = True
        elif word.startswith("@"):
            figure = word[1:]
        elif word.lstrip("-").isdigit():
            level_db = float(word)
        else:
            effect = word
    return StylePart(instrument, role, level_db, is_sparse, effect, figure)


def _stroke(text: str) -> Stroke:
    beat, beats, what = text.split(":")
    return Stroke(float(beat), float(beats), what)
