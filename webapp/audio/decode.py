"""Sound out of files that others wrote: bounded before it is decoded, and while it is."""

import os
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from webapp.audio.waveform import Waveform, frame_count

SAMPLE_RATES: Final = range(8_000, 192_001)
MAX_CHANNELS: Final = 2
_FRAMES_PER_READ: Final = 1 << 16


class NotSound(ValueError):
    """A file that is no sound of the kind it should be. The text says why."""


def decode(path: Path, audio_format: str, *, longest_s: float, most_samples: int) -> Waveform:
    """Read a file of a format (wav, flac, ogg or mp3), of one or two channels.

    Raises NotSound for anything else, and for a file that is longer than `longest_s` or has more samples than
    `most_samples` in all channels. Its header is checked first, and no more is read than it declares.
    """
    try:
        with soundfile.SoundFile(os.fsencode(path)) as file:
            _require_fit(file, audio_format, longest_s, most_samples)
            samples = _read(file)
    except NotSound:
        raise
    except (soundfile.SoundFileError, RuntimeError, ValueError, ArithmeticError, AssertionError) as error:
        raise NotSound("it cannot be decoded") from error
    except MemoryError as error:
        raise NotSound("there is not enough memory to decode it") from error
    return Waveform(samples, file.samplerate)


def read_beginning(path: Path, duration_s: float) -> Waveform:
    """Read so much of the beginning of a WAV or FLAC file of our own.

    Raises soundfile's errors and OSError.
    """
    with soundfile.SoundFile(os.fsencode(path)) as file:
        frames = min(file.frames, frame_count(duration_s, file.samplerate))
        samples = file.read(frames, dtype="float32", always_2d=True)
        return Waveform(np.ascontiguousarray(samples.T), file.samplerate)


def _require_fit(file: soundfile.SoundFile, audio_format: str, longest_s: float, most_samples: int) -> None:
    if file.format != audio_format.upper():
        raise NotSound(f"it is {file.format}, not {audio_format.upper()}")
    if not 1 <= file.channels <= MAX_CHANNELS:
        raise NotSound(f"it has {file.channels} channels")
    if file.samplerate not in SAMPLE_RATES:
        raise NotSound(f"its sample rate is {file.samplerate} Hz")
    if file.frames <= 0:
        raise NotSound("it has no sound in it")
    if file.frames > longest_s * file.samplerate:
        raise NotSound(f"it is longer than {longest_s:g} seconds")
    if file.frames * file.channels > most_samples:
        raise NotSound(f"it has more than {most_samples} samples")


def _read(file: soundfile.SoundFile) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    samples = np.empty((file.channels, file.frames), np.float32)
    at = 0
    while at < file.frames:
        block = file.read(min(_FRAMES_PER_READ, file.frames - at), dtype="float32", always_2d=True)
        if not len(block):
            break
        if not np.isfinite(block).all():
            raise NotSound("it has samples that are no numbers")
        samples[:, at : at + len(block)] = np.clip(block.T, -1, 1)
        at += len(block)
    if not at:
        raise NotSound("it has no sound in it")
    return np.ascontiguousarray(samples[:, :at])
