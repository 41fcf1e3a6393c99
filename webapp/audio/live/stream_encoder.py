"""Encodes sound that is still being made, so that it can be heard meanwhile."""

import io
import struct
from typing import Final

import numpy as np
import soundfile

from webapp.audio.encode import COMPRESSION, SUBTYPES, AudioFormat, at_rate, mp3_rate, quantise
from webapp.audio.waveform import Waveform

# libsndfile's Vorbis encoder puts a whole write on its stack.
_FRAMES_PER_WRITE: Final = 1 << 15
# The largest size that a WAV header can state: the length is not known, and readers read to the end.
_UNKNOWN: Final = 0xFFFFFFFF


class _Sink(io.RawIOBase):
    """A file for libsndfile that keeps what was appended since it was last taken.

    Encoders go back to their header when they close a file. Nobody can be sent a header again, so that is
    left out: the formats allow a header without the length.
    """

    def __init__(self) -> None:
        self._fresh = bytearray()
        self._length = 0
        self._position = 0

    def take(self) -> bytes:
        taken = bytes(self._fresh)
        self._fresh.clear()
        return taken

    def write(self, data: bytes) -> int:  # type: ignore[override] # libsndfile is given bytes only
        if self._position == self._length:
            self._fresh += data
            self._length += len(data)
        self._position += len(data)
        return len(data)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position


class StreamEncoder:
    """Encodes one stream, a chunk at a time. `finish` ends it."""

    def __init__(self, audio_format: AudioFormat, sample_rate: int, channels: int) -> None:
        """MP3 has nine sample rates: each chunk is resampled where it has another."""
        self._format = audio_format
        self._sample_rate = mp3_rate(sample_rate) if audio_format is AudioFormat.MP3 else sample_rate
        self._sink = _Sink()
        self._chunks = 0
        self._file: soundfile.SoundFile | None = None
        if audio_format is AudioFormat.WAV:
            self._sink.write(_wav_header(self._sample_rate, channels))
        else:
            self._file = soundfile.SoundFile(
                self._sink,
                "w",
                samplerate=self._sample_rate,
                channels=channels,
                format=audio_format.name,
                subtype=SUBTYPES[audio_format],
                compression_level=COMPRESSION.get(audio_format),
                # Without a header that counts the frames, readers tell the time by the rate.
                bitrate_mode="CONSTANT" if audio_format is AudioFormat.MP3 else None,
            )

    def encode(self, chunk: Waveform) -> bytes:
        """Return what can be sent after another chunk; encoders keep a little of it back."""
        chunk = at_rate(chunk, self._sample_rate)
        self._chunks += 1
        if self._format in (AudioFormat.WAV, AudioFormat.FLAC):
            # Each chunk with a dither of its own: the same noise again and again would be a tone.
            frames = quantise(chunk, dither_seed=self._chunks)
        else:
            frames = np.ascontiguousarray(chunk.samples.T)
        if self._file is None:
            self._sink.write(frames.astype("<i2").tobytes())
        else:
            for start in range(0, len(frames), _FRAMES_PER_WRITE):
                self._file.write(frames[start : start + _FRAMES_PER_WRITE])
        return self._sink.take()

    def finish(self) -> bytes:
        """Return the rest; nothing may be encoded afterwards."""
        if self._file is not None:
            self._file.close()
        return self._sink.take()


def _wav_header(sample_rate: int, channels: int) -> bytes:
    frame_bytes = 2 * channels
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF", _UNKNOWN, b"WAVE", b"fmt ", 16, 1, channels, sample_rate, sample_rate * frame_bytes,
        frame_bytes, 16, b"data", _UNKNOWN,
    )  # fmt: skip
