"""Recognises the kind of a sound file by its first bytes; names and announced types count for nothing."""

from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["wav", "flac", "ogg", "mp3", "webm"]

HEAD_BYTES: Final = 64
_EBML: Final = b"\x1a\x45\xdf\xa3"
_ID3_HEADER: Final = 10


def kind_of(head: bytes) -> Kind | None:
    """Return the kind of file that begins with these bytes; None for any other."""
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    if head.startswith(_EBML):
        return "webm"
    if head.startswith(b"ID3") and len(head) >= _ID3_HEADER:
        return "mp3"
    return "mp3" if _is_mpeg_frame(head) else None


def _is_mpeg_frame(head: bytes) -> bool:
    """Return whether an MPEG audio frame of layer 3 begins here: sync, bit rate and sample rate are valid."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return False
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bit_rate, sample_rate = head[2] >> 4, head[2] >> 2 & 3
    return version != 1 and layer == 1 and bit_rate not in (0, 15) and sample_rate != 3
