"""Files that are no usable sound, in some hundred ways, each with what makes it so."""

import random
import struct
import zlib
from collections.abc import Iterator
from typing import Final

import numpy as np

from tests.library.sent_sounds import (
    RATE,
    element,
    every_kind,
    opus_packets,
    streamed_wav,
    tone,
    wav,
    webm,
    written,
)

File = tuple[str, bytes]
MAGIC: Final = {
    "wav": b"RIFF\x24\x10\x00\x00WAVE", "flac": b"fLaC", "ogg": b"OggS\x00\x02", "mp3": b"\xff\xfb\x90\x64",
    "id3": b"ID3\x04\x00\x00\x00\x00\x00\x00", "webm": b"\x1a\x45\xdf\xa3",
    "rf64": b"RF64\xff\xff\xff\xffWAVE",
}  # fmt: skip
# Other kinds of files, by their first bytes.
OTHERS: Final = {
    "png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff\xe0", "gif": b"GIF89a", "pdf": b"%PDF-1.7",
    "zip": b"PK\x03\x04", "gzip": b"\x1f\x8b\x08", "tar": b"name" + bytes(96),
    "mp4": b"\x00\x00\x00\x20ftypisom", "m4a": b"\x00\x00\x00\x20ftypM4A ",
    "aiff": b"FORM\x00\x00\x10\x00AIFF", "au": b".snd\x00\x00\x00\x18", "caf": b"caff\x00\x01",
    "midi": b"MThd\x00\x00\x00\x06", "avi": b"RIFF\x24\x10\x00\x00AVI ",
    "webp": b"RIFF\x24\x10\x00\x00WEBP", "elf": b"\x7fELF", "exe": b"MZ", "html": b"<!doctype html>",
    "json": b'{"a": 1}', "script": b"#!/bin/sh\n", "svg": b"<svg xmlns=", "7z": b"7z\xbc\xaf\x27\x1c",
    "xz": b"\xfd7zXZ\x00", "amr": b"#!AMR\n", "aac": b"\xff\xf1\x50\x80", "asf": b"\x30\x26\xb2\x75",
    "voc": b"Creative Voice File\x1a", "w64": b"riff\x2e\x91\xcf\x11", "utf-16": b"\xff\xfe",
    "zeros": bytes(64), "ones": b"\xff" * 64, "playlist": b"#EXTM3U\nhttp://localhost/",
}  # fmt: skip


def hostile_files() -> Iterator[File]:
    """Give every file with a name of its own."""
    yield from _noise()
    yield from _others()
    yield from _cut_off()
    yield from _too_short()
    yield from _damaged_heads()
    yield from _wav_heads()
    yield from _wav_samples()
    yield from _flac_heads()
    yield from _webm()
    yield from _far_too_long()


def _noise() -> Iterator[File]:
    for number in range(8):
        noise = random.Random(number)
        for kind, magic in MAGIC.items():
            yield f"noise that begins like {kind} {number}", magic + noise.randbytes(200 * 3**number)


def _others() -> Iterator[File]:
    noise = random.Random(1)
    for kind, begin in OTHERS.items():
        yield f"{kind} called sound.wav", begin + noise.randbytes(3_000)
        yield f"{kind}, its first bytes only", begin


def _cut_off() -> Iterator[File]:
    for name, (kind, data) in every_kind(0.9).items():
        if "unknown" in name or "no length" in name or "breaks off" in name:
            continue
        for share in (0.02, 0.1, 0.3):
            yield f"{name}, {share:.0%} of it", data[: max(12, int(len(data) * share))]
        if kind in ("wav", "flac"):
            yield f"{name}, without its last byte but a few", data[:-40]


def _too_short() -> Iterator[File]:
    for name, (_, data) in every_kind(0.3).items():
        yield f"{name}, too short", data


def _damaged_heads() -> Iterator[File]:
    for number in range(4):
        noise = random.Random(100 + number)
        for name, (kind, data) in every_kind(1.0).items():
            if kind == "mp3" or "unknown" in name:
                continue
            length = min(len(data) // 2, 400)
            yield (
                f"{name}, noise for a head {number}",
                data[:12] + noise.randbytes(length) + data[12 + length :],
            )


def _wav_heads() -> Iterator[File]:
    good = wav()
    fields = {
        "format": (20, "<H", (0, 2, 17, 0x55, 0x674F, 0xFFFF)),
        "channels": (22, "<H", (0, 3, 6, 255, 65_535)),
        "rate": (24, "<I", (0, 1, 4_000, 192_001, 2**31, 2**32 - 1)),
        "bits": (34, "<H", (0, 255, 65_535)),
    }  # fmt: skip
    for name, (at, form, values) in fields.items():
        for value in values:
            packed = struct.pack(form, value)
            yield f"wav with {name} {value}", good[:at] + packed + good[at + len(packed) :]
    yield "wav without a format", good[:12] + good[36:]
    yield "wav without samples", good[:36]
    yield "wav with samples that are not there", good[:36] + b"data" + struct.pack("<I", 10**6) + bytes(1_000)
    yield "wav with a format as long as can be", good[:16] + b"\xff\xff\xff\xff" + good[20:]
    yield "wav of a hundred thousand chunks", good[:36] + b"junk\0\0\0\0" * 100_000 + good[36:]
    yield "wav with an endless list", good[:36] + b"LIST\xf0\xff\xff\x7f" + good[36:]
    yield "stream without samples", streamed_wav(1.0)[:44]
    yield "stream without a format", b"RIFF\xff\xff\xff\xffWAVEdata\xff\xff\xff\xff" + bytes(5_000)
    for rate in (100, 7_999, 192_001, 384_000):
        yield f"wav of {rate} Hz", wav(1.0, rate=rate)
    for channels in (3, 4, 6, 8, 64):
        yield f"wav of {channels} channels", wav(1.0, channels=channels)


def _wav_samples() -> Iterator[File]:
    for value in (np.nan, np.inf, -np.inf):
        for subtype in ("FLOAT", "DOUBLE"):
            samples = tone().copy()
            samples[len(samples) // 2] = value
            yield f"wav with {value} in {subtype}", written(samples, "WAV", subtype)


def _flac_heads() -> Iterator[File]:
    good = written(tone(), "FLAC")
    for at in (*range(4, 8), 18, *range(20, 25)):
        yield f"flac with a wrong byte at {at}", good[:at] + bytes([good[at] ^ 0xFF]) + good[at + 1 :]
    samples = good[:21] + bytes([good[21] | 0x0F]) + b"\xff" * 4 + good[26:]
    yield "flac with more samples than there are", samples
    yield "flac of nothing but its head", good[:42]
    yield "flac with metadata without end", good[:4] + b"\x04\xff\xff\xff" + good[8:]
    for share in (0.2, 0.4, 0.6, 0.8):
        at = int(share * len(good))
        yield f"flac with a hole at {share:.0%}", good[:at] + bytes(500) + good[at + 500 :]


def _webm() -> Iterator[File]:
    good = webm()
    yield "webm with lacing", webm(flags=0x82)
    yield "webm in vorbis", webm(codec=b"A_VORBIS")
    yield "webm in an unknown codec", webm(codec=b"\xff" * 200)
    yield "webm with a video track only", webm(codec=b"V_VP9")
    yield "webm with a short head", webm(change_head=lambda head: head[:10])
    yield "webm with another head", webm(change_head=lambda head: b"OpusTail" + head[8:])
    for channels in (0, 3, 8, 255):
        changed = bytes([channels])
        yield f"webm of {channels} channels", webm(change_head=lambda h, c=changed: h[:9] + c + h[10:])  # type: ignore[misc]
    yield "webm with empty packets", webm(change_packet=lambda _: b"")
    yield "webm with packets of 63 frames", webm(change_packet=lambda packet: b"\xff\x3f" + packet)
    yield "webm with packets of no frames", webm(change_packet=lambda packet: b"\x03\x00" + packet)
    yield "webm with packets cut off", webm(change_packet=lambda _: b"\x03")
    yield "webm with a packet too long", webm(change_packet=lambda packet: packet + bytes(70_000))
    deep = b""
    for _ in range(3_000):
        deep = element(0x1F43B675, deep)
    yield "webm of 3,000 levels", good[:20] + deep
    yield "webm of clusters without end", good[:20] + (b"\x1f\x43\xb6\x75\x01" + b"\xff" * 7) * 50_000
    yield "webm with an element of 2**56 bytes", good[:20] + b"\xec\x01" + b"\xff" * 6 + b"\xfe" + bytes(100)
    yield "webm with a zero for an id", good[:20] + bytes(5_000)
    yield "webm of empty elements", good[:20] + b"\xec\x80" * 500_000
    head, packets = opus_packets(1.0)
    yield "bare opus packets", head + b"".join(packets)


def _far_too_long() -> Iterator[File]:
    """Small files of eleven minutes and more: what they unpack to is what matters."""
    silence = np.zeros((8_000 * 661, 1), np.float32)
    yield "flac of eleven minutes", written(silence, "FLAC", rate=8_000)
    yield "wav of eleven minutes", written(silence, "WAV", "PCM_U8", rate=8_000)
    yield "ogg of eleven minutes", written(silence, "OGG", "VORBIS", rate=8_000)
    yield "opus of eleven minutes", written(silence, "OGG", "OPUS", rate=8_000)
    yield "mp3 of eleven minutes", written(silence, "MP3", rate=8_000)
    _, packets = opus_packets(1.0)
    quiet = min(packets, key=len)
    long = webm(30.0, change_packet=lambda _: b"\x1f" + bytes([0x40 | 2]) + quiet[1:20])
    yield "webm that is nothing but claims", long
    # Frames of MP3 without anything in them, ten hours of them.
    yield "mp3 of ten hours", (b"\xff\xe3\x18\xc4" + bytes(68)) * (36_000 * 10)
    yield "zlib bomb", zlib.compress(bytes(10_000_000))
    yield "rate and length far apart", wav(0.49, rate=RATE)
