"""What the engine made of a prompt, as plain values."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One instrument. ``style`` is how it plays: melody, chords, hands, arpeggio, bass or pad.

    ``level_db`` is relative to what suits the style; ``intensity`` from 0 (soft) to 1 (hard) also
    colours the sound.
    """

    instrument: str
    style: str
    level_db: float = 0.0
    intensity: float = 0.5


@dataclass(frozen=True, slots=True)
class DrumPart:
    """A pattern by name, reduced to ``pieces`` when the prompt named them (empty: all of it)."""

    pattern: str
    pieces: tuple[str, ...] = ()
    level_db: float = 0.0
    intensity: float = 0.5


@dataclass(frozen=True, slots=True)
class TextureLayer:
    """A background sound such as rain; ``intensity`` 0 to 1 is how much of it is going on."""

    texture: str
    level_db: float = 0.0
    intensity: float = 0.5
    distant: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """A whole sketch. ``tonic`` is a pitch class 0 to 11, ``space`` the amount of reverb 0 to 1.

    ``exact_tempo`` says that the prompt gave the tempo as a number. ``seed`` decides everything that
    the prompt leaves open, down to the last noise sample.
    """

    seed: int
    tempo_bpm: float
    exact_tempo: bool
    beats_per_bar: int
    tonic: int
    mode: str
    swing: float
    space: float
    parts: tuple[Part, ...]
    drums: DrumPart | None
    textures: tuple[TextureLayer, ...]

    @property
    def beat_s(self) -> float:
        return 60.0 / self.tempo_bpm

    @property
    def solo(self) -> bool:
        """One instrument and nothing else."""
        return len(self.parts) == 1 and self.drums is None and not self.textures


@dataclass(frozen=True, slots=True)
class Note:
    """One note; ``velocity`` 0 to 1."""

    start_s: float
    duration_s: float
    pitch: int
    velocity: float


@dataclass(frozen=True, slots=True)
class Hit:
    """One stroke on a drum piece; ``velocity`` 0 to 1."""

    start_s: float
    piece: str
    velocity: float


@dataclass(frozen=True, slots=True)
class Score:
    """Everything to be played: notes by part, in the plan's order, and drum hits, each sorted by time."""

    notes: tuple[tuple[Note, ...], ...]
    hits: tuple[Hit, ...]
