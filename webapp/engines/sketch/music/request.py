"""Music as a prompt asks for it. What is None or empty is for the style, or the seed, to decide."""

from dataclasses import dataclass

from webapp.engines.sketch.hearing.motif import Motif


@dataclass(frozen=True, slots=True)
class InstrumentRequest:
    """One instrument that was named.

    ``instrument`` is a key of the instrument table. ``role`` is how it plays: hands, melody, chords,
    arpeggio, bass or pad; empty for what suits it. ``intensity`` runs from 0, soft, to 1, hard;
    ``level_db`` is relative to what suits the role.
    """

    instrument: str
    role: str = ""
    level_db: float = 0.0
    intensity: float = 0.5


@dataclass(frozen=True, slots=True)
class DrumRequest:
    """Drums that were named. Empty ``pieces`` means the whole kit, an empty ``kit`` the one of the style."""

    kit: str = ""
    pieces: tuple[str, ...] = ()
    level_db: float = 0.0
    intensity: float = 0.5


@dataclass(frozen=True, slots=True)
class MusicRequest:
    """The music of one scene.

    ``genre`` is a key of the table of styles. ``without`` holds roles ("drums", "bass", "melody", "chords",
    "pad") and instruments that must not play. ``solo`` allows nobody but ``instruments``. ``tempo_bpm`` was
    given as a number; ``tempo_range`` in words. ``tonic`` is a pitch class from 0, C, to 11. ``moods`` are
    keys of the table of moods. ``energy`` runs from 0, calm, to 1, wild. ``era`` is a decade such as "1980s".
    ``space`` is the amount of reverb from 0 to 1. ``articulation`` is "", legato or staccato.
    ``loop_s`` above 0 asks for a tempo at which whole bars fill that time. ``motif`` is a melody to play; it
    decides tempo and key where nothing else does. ``choices_seed`` decides what the request leaves open,
    where that is not the seed of the notes.
    """

    genre: str = ""
    instruments: tuple[InstrumentRequest, ...] = ()
    drums: DrumRequest | None = None
    without: frozenset[str] = frozenset()
    solo: bool = False
    tempo_bpm: float | None = None
    tempo_range: tuple[float, float] | None = None
    beats_per_bar: int | None = None
    tonic: int | None = None
    mode: str | None = None
    moods: tuple[str, ...] = ()
    energy: float | None = None
    era: str = ""
    space: float | None = None
    articulation: str = ""
    loop_s: float = 0.0
    motif: Motif | None = None
    choices_seed: int | None = None
