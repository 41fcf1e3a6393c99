"""The requests and answers, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypedDict, TypeVar

Status = Literal["queued", "processing", "completed", "failed", "cancelled"]
Model = Literal["music", "audio", "magnet"]
AudioFormat = Literal["wav", "flac", "ogg", "mp3"]
FileT = TypeVar("FileT")


class ContinueFrom(TypedDict, total=False):
    """The sound to go on from, and the second from which; its end when absent."""

    generation_id: str
    from_s: float


class Source(TypedDict, total=False):
    """A sound to work from: one that was sent in, or one of the library."""

    upload_id: str
    generation_id: str


class Options(TypedDict, total=False):
    """The settings of a sound beside its prompt. What is left out is the server's choice."""

    duration: float
    model: Model
    loopable: bool
    seed: int
    temperature: float
    top_k: int
    top_p: float
    guidance: float
    continue_from: ContinueFrom
    melody_from: Source


@dataclass(frozen=True, slots=True)
class Job:
    """A job as it was when the server told of it. `details` has everything that the server said."""

    id: str
    status: Status
    model: str
    prompt: str
    duration: float
    seed: int
    priority: str
    progress: str
    progress_pct: int
    retry_count: int
    position: int | None
    error: str | None
    generation_id: str | None
    quality_score: int | None
    engine_label: str | None
    audio_url: str | None
    spectrogram_url: str | None
    formats: Mapping[str, str]
    details: Mapping[str, Any] = field(repr=False)

    @property
    def has_ended(self) -> bool:
        """True once nothing will change any more."""
        return self.status not in ("queued", "processing")


@dataclass(frozen=True, slots=True)
class Skip:
    """The price of moving a job to the front, in Aura, and the balance."""

    cost: int
    new_balance: int


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice that can be spoken with."""

    id: str
    name: str
    language: str
    details: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sound(Generic[FileT]):
    """A finished sound: what the server says of it, and its files, fetched when they are asked for."""

    job: Job
    files: Mapping[str, FileT]
    spectrogram: FileT

    @property
    def generation_id(self) -> str:
        """The sound's id in the library."""
        return self.job.generation_id or ""

    def file(self, audio_format: AudioFormat = "wav") -> FileT:
        """The sound in a format."""
        return self.files[audio_format]


@dataclass(frozen=True, slots=True)
class Speech(Generic[FileT]):
    """A text that was spoken. Its file is fetched when it is asked for."""

    generation_id: str
    duration: float
    voice: str
    file: FileT
