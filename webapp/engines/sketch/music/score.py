"""A score, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Note:
    """One note. ``pitch`` is a MIDI number, ``velocity`` runs from 0 to 1."""

    start_s: float
    duration_s: float
    pitch: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke on a piece of the drum kit; ``velocity`` runs from 0 to 1."""

    start_s: float
    piece: str
    velocity: float


@dataclass(frozen=True, slots=True)
class PartScore:
    """An instrument with its notes in the order of time, and its place in the mix."""

    instrument: str
    role: str
    level_db: float
    pan: float
    effect: str
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class Score:
    """A whole piece. ``beat_s`` and ``pump`` are for what follows the beat in the mix."""

    parts: tuple[PartScore, ...]
    kit: str
    hits: tuple[Hit, ...]
    drums_db: float
    beat_s: float
    space: float
    pump: float = 0.0
    crackle: float = 0.0
    energy: float = 0.5
