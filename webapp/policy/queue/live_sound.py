"""A sound that can be heard while it is being made: its formats, its pieces, and what is known of it."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

StreamFormat = Literal["mp3", "wav", "ogg", "flac"]
STREAM_FORMATS: Final[tuple[StreamFormat, ...]] = get_args(StreamFormat)
MEDIA_TYPES: Final[dict[StreamFormat, str]] = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
}

WORKER_STOPPED: Final = "The worker stopped before the sound was finished"
TOO_POOR: Final = "The sound was not good enough, so it is made again"
EARLIER_IS_BETTER: Final = "An earlier version of the sound was better, and is kept"


@dataclass(frozen=True, slots=True)
class LiveSound:
    """The state of a job's sound while it is made.

    `discarded_takes` counts takes that were thrown away, in all attempts. `is_audible`: its beginning can be
    heard. `formats` has a bit for each format that somebody listens to. `interruption` says why the last run
    ended without a sound; empty if none has.
    """

    generation_id: str = ""
    fence: int = 0
    discarded_takes: int = 0
    is_audible: bool = False
    formats: int = 0
    interruption: str = ""

    @property
    def attempt(self) -> int:
        """Count the runs from which something may have been heard: attempts, and takes within them."""
        return self.fence + self.discarded_takes

    def is_wanted_in(self, stream_format: StreamFormat) -> bool:
        return bool(self.formats & format_bit(stream_format))


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a stream, and whether it is its last."""

    data: bytes
    is_last: bool

    def packed(self) -> bytes:
        """Return the piece as it is stored: a byte that says whether it is the last, and the data."""
        return bytes([self.is_last]) + self.data

    @classmethod
    def unpacked(cls, stored: bytes) -> "Piece":
        return cls(stored[1:], bool(stored[0]))


def format_bit(stream_format: StreamFormat) -> int:
    return 1 << STREAM_FORMATS.index(stream_format)


def formats_of(bits: int) -> tuple[StreamFormat, ...]:
    return tuple(each for each in STREAM_FORMATS if bits & format_bit(each))


def piece_name(discarded_takes: int, stream_format: StreamFormat, index: int) -> str:
    """Name a piece within its claim's group."""
    return f"{discarded_takes}.{stream_format}.{index}"
