"""Sound files of every kind that is taken in, made by the libraries that others use."""

import io
import struct
from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt
import soundfile

RATE: Final = 48_000
Samples = npt.NDArray[np.float32]


def tone(seconds: float = 1.0, *, rate: int = RATE, channels: int = 1) -> Samples:
    """A tone of shape (frames, channels)."""
    at_s = np.arange(round(seconds * rate)) / rate
    mono = (0.3 * np.sin(2 * np.pi * 440 * at_s)).astype(np.float32)
    return np.repeat(mono[:, None], channels, axis=1)


def written(samples: Samples, file_format: str, subtype: str | None = None, *, rate: int = RATE) -> bytes:
    """A file as libsndfile writes it."""
    buffer = io.BytesIO()
    channels = samples.shape[1]
    with soundfile.SoundFile(buffer, "w", rate, channels, format=file_format, subtype=subtype) as file:
        # In blocks: libsndfile's writer of Vorbis keeps a whole one on its stack.
        for begin in range(0, len(samples), RATE):
            file.write(samples[begin : begin + RATE])
    return buffer.getvalue()


def two_notes() -> bytes:
    """A WAV of two notes, one after the other, which is as short as a melody gets."""
    at_s = np.arange(RATE) / RATE
    notes = [0.3 * np.sin(2 * np.pi * hertz * at_s) for hertz in (440.0, 523.25)]
    return written(np.concatenate(notes).astype(np.float32)[:, None], "WAV")


def wav(seconds: float = 1.0, *, rate: int = RATE, channels: int = 1) -> bytes:
    return written(tone(seconds, rate=rate, channels=channels), "WAV", rate=rate)


def streamed_wav(seconds: float = 1.0, size: int = 0xFFFFFFFF, *, extra: bytes = b"") -> bytes:
    """A WAV whose writer did not know how long it would get."""
    data = wav(seconds)
    at = data.index(b"data") + 4
    unknown = struct.pack("<I", size)
    return data[:4] + unknown + data[8:at] + unknown + data[at + 4 :] + extra


# --- WebM, written by hand as browsers lay it out


def element(identity: int, content: bytes, *, has_size: bool = True) -> bytes:
    name = identity.to_bytes((identity.bit_length() + 7) // 8, "big")
    size = b"\x08" + len(content).to_bytes(4, "big") if has_size else b"\x01" + b"\xff" * 7
    return name + size + content


def opus_packets(seconds: float = 1.0) -> tuple[bytes, list[bytes]]:
    """The head and the packets of a sound in Opus, taken out of an Ogg file."""
    ogg = written(tone(seconds), "OGG", "OPUS")
    packets: list[bytes] = []
    part, at = b"", 0
    while at < len(ogg):
        count = ogg[at + 26]
        lacing, at = ogg[at + 27 : at + 27 + count], at + 27 + count
        for length in lacing:
            part, at = part + ogg[at : at + length], at + length
            if length < 255:
                packets.append(part)
                part = b""
    return packets[0], packets[2:]


def webm(
    seconds: float = 1.0,
    *,
    is_live: bool = True,
    codec: bytes = b"A_OPUS",
    change_head: Callable[[bytes], bytes] = lambda head: head,
    change_packet: Callable[[bytes], bytes] = lambda packet: packet,
    flags: int = 0x80,
) -> bytes:
    """A WebM file with one track; a live one leaves the sizes of its segment and clusters open."""
    head, packets = opus_packets(seconds)
    entry = (
        element(0xD7, b"\x01") + element(0x83, b"\x02") + element(0x86, codec)
        + element(0x63A2, change_head(head))
    )  # fmt: skip
    blocks = [
        element(0xA3, b"\x81" + struct.pack(">hB", 20 * number % 30_000, flags) + change_packet(packet))
        for number, packet in enumerate(packets)
    ]
    cluster = element(0x1F43B675, element(0xE7, b"\x00") + b"".join(blocks), has_size=not is_live)
    tracks = element(0x1654AE6B, element(0xAE, entry))
    ebml = element(0x1A45DFA3, element(0x4282, b"webm"))
    return ebml + element(0x18538067, tracks + cluster, has_size=not is_live)


def every_kind(seconds: float = 1.0) -> dict[str, tuple[str, bytes]]:
    """By a name: the kind that is found, and the file."""
    samples = tone(seconds)
    return {
        "wav": ("wav", wav(seconds)),
        "wav in floats": ("wav", written(samples, "WAV", "FLOAT")),
        "wav in stereo, 24 bit": ("wav", written(tone(seconds, channels=2), "WAV", "PCM_24")),
        "wav of 8 kHz": ("wav", wav(seconds, rate=8_000)),
        "wavex": ("wav", written(samples, "WAVEX")),
        "wav of unknown length": ("wav", streamed_wav(seconds)),
        "wav of unknown length, as sox": ("wav", streamed_wav(seconds, 0x7FFFF000)),
        "wav of no length": ("wav", streamed_wav(seconds, 0)),
        "wav that breaks off in a frame": ("wav", streamed_wav(seconds, extra=b"\0")),
        "flac": ("flac", written(samples, "FLAC")),
        "ogg vorbis": ("ogg", written(samples, "OGG", "VORBIS")),
        "ogg opus": ("ogg", written(samples, "OGG", "OPUS")),
        "mp3": ("mp3", written(samples, "MP3")),
        "webm, live": ("webm", webm(seconds)),
        "webm, with sizes": ("webm", webm(seconds, is_live=False)),
    }
