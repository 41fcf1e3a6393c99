"""Decodes a file of any kind that is taken in, block by block, into a FLAC of our own."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

from webapp.audio.intake.kinds import HEAD_BYTES, Kind, kind_of
from webapp.audio.intake.refusals import Refused
from webapp.audio.intake.wav import settle_sizes
from webapp.audio.intake.webm import write_as_ogg

SAMPLE_RATES: Final = range(8_000, 192_001)
MAX_CHANNELS: Final = 2
# What libsndfile calls each kind, once it has looked.
_FORMATS: Final[dict[Kind, frozenset[str]]] = {
    "wav": frozenset({"WAV", "WAVEX", "RF64"}),
    "flac": frozenset({"FLAC"}),
    "ogg": frozenset({"OGG"}),
    "mp3": frozenset({"MP3", "MPEG"}),
    "webm": frozenset({"OGG"}),
}
_FRAMES_PER_READ: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class TakenIn:
    """The facts about a file that was decoded."""

    kind: str
    frames: int
    sample_rate: int
    channels: int

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate


def take_in(source: Path, target: Path, *, shortest_s: float, longest_s: float) -> TakenIn:
    """Decode `source`, which may be changed, into the FLAC file `target`. Raises Refused."""
    with source.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
    if kind is None:
        raise Refused("unknown")
    readable = source
    try:
        if kind == "wav":
            settle_sizes(source)
        elif kind == "webm":
            readable = source.with_suffix(".packets")
            write_as_ogg(source, readable)
        return _decode(readable, target, kind, shortest_s=shortest_s, longest_s=longest_s)
    except (soundfile.SoundFileError, RuntimeError, ValueError, ArithmeticError, AssertionError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("damaged", kind) from error
    except MemoryError as error:
        raise Refused("too_costly", kind) from error
    finally:
        if readable != source:
            readable.unlink(missing_ok=True)


def _decode(source: Path, target: Path, kind: Kind, *, shortest_s: float, longest_s: float) -> TakenIn:
    with soundfile.SoundFile(os.fsencode(source)) as file:
        if file.format not in _FORMATS[kind]:
            raise Refused("damaged", kind)
        if not 1 <= file.channels <= MAX_CHANNELS:
            raise Refused("channels", kind, str(file.channels))
        if file.samplerate not in SAMPLE_RATES:
            raise Refused("sample_rate", kind, str(file.samplerate))
        longest = round(longest_s * file.samplerate)
        if kind != "mp3" and file.frames > longest:
            raise Refused("too_long", kind)
        frames = _copy(file, target, kind, longest)
        # Of MP3 and Ogg the length is only known from what there is.
        if kind in ("wav", "flac") and frames < file.frames:
            raise Refused("cut_off", kind)
        if not frames:
            raise Refused("no_audio", kind)
        if frames < shortest_s * file.samplerate:
            raise Refused("too_short", kind)
        return TakenIn(kind, frames, file.samplerate, file.channels)


def _copy(file: soundfile.SoundFile, target: Path, kind: Kind, longest: int) -> int:
    """Copy every frame, and return how many there were."""
    frames = 0
    with soundfile.SoundFile(
        os.fsencode(target), "w", file.samplerate, file.channels, subtype="PCM_16", format="FLAC"
    ) as out:
        while len(block := file.read(_FRAMES_PER_READ, dtype="float32", always_2d=True)):
            frames += len(block)
            if frames > longest:
                raise Refused("too_long", kind)
            if not np.isfinite(block).all():
                raise Refused("not_finite", kind)
            _write(out, np.clip(block, -1, 1))
    return frames


def _write(out: soundfile.SoundFile, block: npt.NDArray[np.float32]) -> None:
    try:
        out.write(block)
    except soundfile.SoundFileError as error:
        # What can go wrong here is the disk.
        raise Refused("disk_full") from error
