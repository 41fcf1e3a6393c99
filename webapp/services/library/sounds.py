"""A finished sound: what its maker reports of it, and how it is read from a row."""

import json
from dataclasses import dataclass, field
from typing import Final

import msgspec

from webapp.database import Row
from webapp.policy.library.captions import Caption

AUDIO_FORMATS: Final = ("wav", "flac", "ogg", "mp3")
SOUND_COLUMNS: Final = (
    "storage_key", "generation_id", "engine", "engine_label", "checkpoint", "license", "seed", "duration_s",
    "sample_rate", "channels", "loudness_lufs", "true_peak_dbtp", "quality_score", "quality_reasons", "peaks",
    "bytes_total", "reading", "captions",
)  # fmt: skip
SOUND_PREFIX: Final = "sound_"


@dataclass(frozen=True, slots=True)
class PromptReading:
    """A rule-based engine's reading of a prompt.

    `understood` pairs pieces of the prompt with their meanings; `unknown` are the words that changed nothing.
    `is_empty`: the prompt names nothing that the engine can make, and what is heard only stands in for it.
    """

    understood: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    is_empty: bool = False


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """The facts that the maker of a sound reports. `peaks` are lows and highs in turn, -127 to 127.

    `reading` is None for an engine that does not read prompts by rules, and for older sounds. `material` is
    what the engine needs to continue the sound; it is written, and read by `ContinuedSounds` alone.
    """

    engine: str
    engine_label: str
    checkpoint: str
    license: str
    seed: int
    duration_s: float
    sample_rate: int
    channels: int
    loudness_lufs: float | None
    true_peak_dbtp: float | None
    quality_score: int
    quality_reasons: tuple[str, ...]
    peaks: tuple[int, ...]
    bytes_total: int
    reading: PromptReading | None = field(default=None, kw_only=True)
    material: bytes = field(default=b"", kw_only=True, repr=False)
    captions: tuple[Caption, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class SoundView(SoundFacts):
    """A finished sound."""

    generation_id: str

    def url(self, extension: str = "wav") -> str:
        """Where the sound is served in one of its formats."""
        return f"/audio/{self.generation_id}.{extension}"

    @property
    def spectrogram_url(self) -> str:
        return f"/spectrogram/{self.generation_id}.png"


def sound_view(row: Row) -> SoundView | None:
    """Read the sound's part of a joined row; None where the job has no sound."""
    if row[f"{SOUND_PREFIX}generation_id"] is None:
        return None
    values = {column: row[SOUND_PREFIX + column] for column in SOUND_COLUMNS if column != "storage_key"}
    values["quality_reasons"] = tuple(json.loads(values["quality_reasons"]))
    values["peaks"] = tuple(json.loads(values["peaks"]))
    values["reading"] = _reading(values["reading"])
    values["captions"] = captions_of(values["captions"])
    return SoundView(**values)


def captions_of(text: str) -> tuple[Caption, ...]:
    """Read captions as they are stored."""
    return msgspec.json.decode(text, type=tuple[Caption, ...]) if text else ()


def _reading(text: str) -> PromptReading | None:
    """Read what an engine made of a prompt; it is stored as JSON, empty where there is nothing to tell."""
    return msgspec.json.decode(text, type=PromptReading) if text else None
