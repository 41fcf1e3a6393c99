"""Encodes a sound while it is being made: what is written at the end of a file is left out."""

import io
import struct
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import soundfile

from webapp.audio.encode import COMPRESSION, MP3_RATES, SUBTYPES, AudioFormat, PcmSamples

FloatFrames: TypeAlias = npt.NDArray[np.float32]

# libsndfile's Vorbis encoder puts a whole write on its stack.
_FRAMES_PER_WRITE: Final = 1 << 15
_PCM: Final = 1
_BYTES_PER_SAMPLE: Final = 2
_MOST_BYTES: Final = 0xFFFFFFFF
# Where a FLAC file says how long it is: in the last 36 bits of these bytes.
_FLAC_LENGTH: Final = slice(18, 26)


def can_be_streamed(audio_format: AudioFormat, sample_rate: int) -> bool:
    """Return whether there is an encoder of this format that needs no other sample rate."""
    return audio_format is not AudioFormat.MP3 or sample_rate in MP3_RATES


class LiveEncoder:
    """Turns 16-bit samples into a stream that begins like a file and can be heard from there on.

    What an encoder puts into the beginning of a file at its end, such as an index, is missing. WAV and FLAC
    announce the length that is expected, if it is known.
    """

    def __init__(
        self, audio_format: AudioFormat, sample_rate: int, channels: int, *, frames: int | None
    ) -> None:
        """`frames` is how long the sound is expected to be; None where nobody knows."""
        self._file: soundfile.SoundFile | None = None
        self._sink = _Appended()
        self._flac_frames = (frames or 0) if audio_format is AudioFormat.FLAC else 0
        if audio_format is AudioFormat.WAV:
            self._sink.write(_wav_header(sample_rate, channels, frames))
        else:
            self._file = soundfile.SoundFile(
                self._sink,
                "w",
                samplerate=sample_rate,
                channels=channels,
                format=audio_format.name,
                subtype=SUBTYPES[audio_format],
                compression_level=COMPRESSION[audio_format],
                # Without a header that counts the frames, readers tell the time by the rate.
                bitrate_mode="CONSTANT" if frames is None and audio_format is AudioFormat.MP3 else None,
            )

    def encode(self, samples: PcmSamples | FloatFrames) -> bytes:
        """Encode further samples, of shape (frames, channels); return what can be sent now.

        A WAV takes 16-bit samples.
        """
        if self._file is None:
            self._sink.write(samples.astype("<i2").tobytes())
        else:
            for start in range(0, len(samples), _FRAMES_PER_WRITE):
                self._file.write(samples[start : start + _FRAMES_PER_WRITE])
        return self._taken()

    def finish(self) -> bytes:
        """Return the end of the stream."""
        if self._file is not None:
            self._file.close()
        return self._taken()

    def _taken(self) -> bytes:
        data = self._sink.take()
        if self._flac_frames and data:
            data, self._flac_frames = _with_flac_length(data, self._flac_frames), 0
        return data


class _Appended(io.RawIOBase):
    """The file that an encoder believes to write. What it writes over earlier bytes is dropped."""

    def __init__(self) -> None:
        super().__init__()
        self._new = bytearray()
        self._length = 0
        self._position = 0

    def take(self) -> bytes:
        """Return what was appended since the last call."""
        taken, self._new = bytes(self._new), bytearray()
        return taken

    def write(self, data: bytes) -> int:  # type: ignore[override]  # the encoder sends bytes
        if self._position == self._length:
            self._new += data
            self._length += len(data)
        self._position += len(data)
        return len(data)

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position


def _wav_header(sample_rate: int, channels: int, frames: int | None) -> bytes:
    frame_bytes = channels * _BYTES_PER_SAMPLE
    # The largest size says that the length is not known: readers read to the end.
    data_bytes = _MOST_BYTES if frames is None else min(frames * frame_bytes, _MOST_BYTES - 36)
    return (
        b"RIFF" + struct.pack("<I", min(data_bytes + 36, _MOST_BYTES)) + b"WAVEfmt "
        + struct.pack(
            "<IHHIIHH", 16, _PCM, channels, sample_rate, sample_rate * frame_bytes, frame_bytes,
            8 * _BYTES_PER_SAMPLE,
        )
        + b"data" + struct.pack("<I", data_bytes)
    )  # fmt: skip


def _with_flac_length(head: bytes, frames: int) -> bytes:
    known = int.from_bytes(head[_FLAC_LENGTH], "big") | frames
    return head[: _FLAC_LENGTH.start] + known.to_bytes(8, "big") + head[_FLAC_LENGTH.stop :]
