"""Sound files through libsndfile: WAV and FLAC from the same 16-bit samples, OGG Vorbis and MP3.

Every function writes to the path it is given and to nothing else: whoever calls it decides when a
file becomes visible.
"""

import math
import os
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

from webapp.audio.marks import Marks, mark_loop, mark_mp3
from webapp.audio.waveform import Waveform

PcmSamples: TypeAlias = npt.NDArray[np.int16]

_PCM_FULL_SCALE = 32768
# libsndfile's Vorbis encoder puts a whole write on its stack: a minute in one call overflows it.
_FRAMES_PER_WRITE = 1 << 15
# More than is free after a write failed because the disk was full.
_PROBE_BYTES = 1 << 20


# MPEG-1, MPEG-2 and MPEG-2.5.
MP3_RATES: Final = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)


class AudioFormat(StrEnum):
    """A file format; the value is the file name's ending."""

    WAV = "wav"
    FLAC = "flac"
    OGG = "ogg"
    MP3 = "mp3"

    @property
    def media_type(self) -> str:
        return _MEDIA_TYPES[self]


_MEDIA_TYPES = {
    AudioFormat.WAV: "audio/wav",
    AudioFormat.FLAC: "audio/flac",
    AudioFormat.OGG: "audio/ogg",
    AudioFormat.MP3: "audio/mpeg",
}
SUBTYPES = {
    AudioFormat.WAV: "PCM_16",
    AudioFormat.FLAC: "PCM_16",
    AudioFormat.OGG: "VORBIS",
    AudioFormat.MP3: "MPEG_LAYER_III",
}
# From 0 (largest file) to 1 (smallest). For the lossy formats these are variable rates of about 170
# to 210 kbit/s for dense stereo; for FLAC a middle level, since higher ones gain next to nothing.
COMPRESSION = {AudioFormat.FLAC: 0.5, AudioFormat.OGG: 0.4, AudioFormat.MP3: 0.2}


def quantise(waveform: Waveform, dither_seed: int = 0, *, exact_frames: int = 0) -> PcmSamples:
    """Return 16-bit samples of shape (frames, channels), with triangular dither of ±1 step.

    The first `exact_frames` are of 16 bits already, and get none.

    Dither turns the rounding error from distortion into noise. It is seeded, so that the same sound always
    gives the same file. Values beyond full scale are clipped.
    """
    rng = np.random.default_rng(dither_seed)
    shape = (waveform.frames, waveform.channels)
    scaled = waveform.samples.T * np.float32(_PCM_FULL_SCALE)
    scaled[exact_frames:] += rng.random(shape, np.float32)[exact_frames:]
    scaled[exact_frames:] -= rng.random(shape, np.float32)[exact_frames:]
    np.rint(scaled, out=scaled)
    np.clip(scaled, -_PCM_FULL_SCALE, _PCM_FULL_SCALE - 1, out=scaled)
    return scaled.astype(np.int16)


def write_pcm(
    path: Path,
    pcm: PcmSamples,
    sample_rate: int,
    audio_format: AudioFormat,
    *,
    marks: Marks | None = None,
    progressed: Callable[[float], object] = lambda _share: None,
) -> None:
    """Write 16-bit samples of shape (frames, channels) to ``path`` as WAV or FLAC, losslessly.

    ``marks`` are written into the file. ``progressed`` takes the share that is written, 0 to 1, as it grows.
    Raises OSError.
    """
    _write(path, pcm, sample_rate, audio_format, progressed, marks)
    if marks is not None and marks.is_loop and audio_format is AudioFormat.WAV:
        mark_loop(path, len(pcm), sample_rate)


def write_audio(
    path: Path,
    waveform: Waveform,
    audio_format: AudioFormat,
    *,
    dither_seed: int = 0,
    marks: Marks | None = None,
    exact_frames: int = 0,
    progressed: Callable[[float], object] = lambda _share: None,
) -> None:
    """Write ``waveform`` to ``path``; WAV and FLAC are quantised with dither first.

    MP3 has nine sample rates: sound is resampled to the next higher one, or else to the highest.
    `exact_frames` is as for `quantise`.
    ``progressed`` is as for `write_pcm`. Raises OSError, and soundfile.SoundFileError when the format
    cannot hold the sample rate or the channels.
    """
    if audio_format in (AudioFormat.WAV, AudioFormat.FLAC):
        pcm = quantise(waveform, dither_seed, exact_frames=exact_frames)
        write_pcm(path, pcm, waveform.sample_rate, audio_format, marks=marks, progressed=progressed)
    else:
        if audio_format is AudioFormat.MP3:
            waveform = at_rate(waveform, mp3_rate(waveform.sample_rate))
        frames = np.ascontiguousarray(waveform.samples.T)
        # libsndfile's own tag of an MP3 holds Latin-1 only.
        own_tag = marks if audio_format is AudioFormat.MP3 else None
        _write(path, frames, waveform.sample_rate, audio_format, progressed, None if own_tag else marks)
        if own_tag is not None:
            mark_mp3(path, own_tag)


def mp3_rate(sample_rate: int) -> int:
    """Return the sample rate of an MP3 file of sound at ``sample_rate``."""
    return next((rate for rate in MP3_RATES if rate >= sample_rate), MP3_RATES[-1])


def at_rate(waveform: Waveform, sample_rate: int) -> Waveform:
    """Return the sound at another sample rate."""
    if waveform.sample_rate == sample_rate:
        return waveform
    common = math.gcd(sample_rate, waveform.sample_rate)
    samples = resample_poly(waveform.samples, sample_rate // common, waveform.sample_rate // common, axis=1)
    return Waveform(np.ascontiguousarray(samples, np.float32), sample_rate)


def _write(
    path: Path,
    frames: PcmSamples | npt.NDArray[np.float32],
    sample_rate: int,
    audio_format: AudioFormat,
    progressed: Callable[[float], object],
    marks: Marks | None,
) -> None:
    # As bytes, since a valid file name need not be text in the locale's encoding.
    name = os.fsencode(path)
    try:
        with soundfile.SoundFile(
            name,
            "w",
            samplerate=sample_rate,
            channels=frames.shape[1],
            format=audio_format.name,
            subtype=SUBTYPES[audio_format],
            compression_level=COMPRESSION.get(audio_format),
        ) as file:
            for field, text in marks.texts().items() if marks else ():
                setattr(file, field, text)
            for start in range(0, len(frames), _FRAMES_PER_WRITE):
                file.write(frames[start : start + _FRAMES_PER_WRITE])
                progressed(min(1.0, (start + _FRAMES_PER_WRITE) / len(frames)))
        # Errors on closing the file are not reported.
        if soundfile.info(name).frames != len(frames):
            raise soundfile.SoundFileRuntimeError(f"{path.name} is not whole")
    except (soundfile.SoundFileError, AssertionError):
        # libsndfile does not report why a write failed, but writing again does. The package raises
        # AssertionError after a partial write.
        _write_more(path)
        raise


def _write_more(path: Path) -> None:
    """Write to a file once more, to raise the OSError that caused a failure if it persists."""
    with path.open("ab") as file:
        length = file.tell()
        file.write(bytes(_PROBE_BYTES))
        os.fsync(file.fileno())
        file.truncate(length)
