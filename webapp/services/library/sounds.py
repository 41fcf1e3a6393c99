"""A finished sound: what its maker reports of it, and how it is read from a row."""

import json
from dataclasses import dataclass
from typing import Final

from webapp.database import Row

AUDIO_FORMATS: Final = ("wav", "flac", "ogg", "mp3")
SOUND_COLUMNS: Final = (
    "storage_key", "generation_id", "engine", "engine_label", "checkpoint", "license", "seed", "duration_s",
    "sample_rate", "channels", "loudness_lufs", "true_peak_dbtp", "quality_score", "quality_reasons", "peaks",
    "bytes_total",
)  # fmt: skip
SOUND_PREFIX: Final = "sound_"


@dataclass(frozen=True, slots=True)
class SoundFacts:
    """The facts that the maker of a sound reports. `peaks` are lows and highs in turn, -127 to 127."""

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
    return SoundView(**values)
