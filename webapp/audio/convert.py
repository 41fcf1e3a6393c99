"""Converts a sound to another rate, channel count and encoding: `python -m webapp.audio.convert`.

A process of its own, because the web process loads neither numpy nor libsndfile. It reads a sound file from
its input and writes the converted one to its output.
"""

import argparse
import io
import math
import sys

import numpy as np
import numpy.typing as npt
import soundfile
from scipy.signal import resample_poly

# Containers and encodings, by the names of libsndfile.
ENCODINGS = {
    "pcm": ("RAW", "PCM_16"),
    "ulaw": ("RAW", "ULAW"),
    "alaw": ("RAW", "ALAW"),
    "wav": ("WAV", "PCM_16"),
    "opus": ("OGG", "OPUS"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
}
# libsndfile's encoders put a whole write on their stack.
_FRAMES_PER_WRITE = 1 << 15


def convert(sound: bytes, encoding: str, sample_rate: int, channels: int | None = None) -> bytes:
    """Return a sound file's content in another encoding, as 16-bit samples where it has samples.

    `sample_rate` is in hertz. With one channel all are mixed; None keeps those that there are. Raises
    soundfile.SoundFileError for what is no sound file.
    """
    frames, rate = soundfile.read(io.BytesIO(sound), dtype="float32", always_2d=True)
    if channels == 1:
        frames = frames.mean(axis=1, keepdims=True)
    return _encoded(_at_rate(frames, rate, sample_rate), encoding, sample_rate)


def _at_rate(frames: npt.NDArray[np.float32], rate: int, wanted: int) -> npt.NDArray[np.float32]:
    if rate == wanted:
        return frames
    common = math.gcd(rate, wanted)
    resampled = resample_poly(frames, wanted // common, rate // common, axis=0)
    # What overshoots by the filter would wrap in 16-bit samples.
    return np.clip(resampled, -1.0, 1.0).astype(np.float32)


def _encoded(frames: npt.NDArray[np.float32], encoding: str, sample_rate: int) -> bytes:
    container, subtype = ENCODINGS[encoding]
    output = io.BytesIO()
    with soundfile.SoundFile(
        output,
        "w",
        samplerate=sample_rate,
        channels=frames.shape[1],
        format=container,
        subtype=subtype,
        endian="LITTLE" if container == "RAW" else None,
    ) as file:
        for start in range(0, len(frames), _FRAMES_PER_WRITE):
            file.write(frames[start : start + _FRAMES_PER_WRITE])
    return output.getvalue()


def main(arguments: list[str]) -> None:
    """Convert the sound on standard input to standard output."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("encoding", choices=tuple(ENCODINGS))
    parser.add_argument("sample_rate", type=int)
    parser.add_argument("--channels", type=int)
    options = parser.parse_args(arguments)
    converted = convert(sys.stdin.buffer.read(), options.encoding, options.sample_rate, options.channels)
    sys.stdout.buffer.write(converted)


if __name__ == "__main__":
    main(sys.argv[1:])
