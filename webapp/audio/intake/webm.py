"""Takes the Opus packets out of a WebM file, as browsers record, and writes them as Ogg (RFC 7845).

libsndfile decodes Ogg Opus and knows no WebM. Decision 0189 has why this is code of ours.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from webapp.audio.intake.ebml import Element, Malformed, elements, unsigned, variable_number
from webapp.audio.intake.refusals import Refused
from webapp.audio.ogg import page_checksum

_SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
_SIMPLE_BLOCK, _BLOCK = 0xA3, 0xA1
_TRACKS, _TRACK_ENTRY, _TRACK_NUMBER, _CODEC_ID, _CODEC_PRIVATE = 0x1654AE6B, 0xAE, 0xD7, 0x86, 0x63A2
# What others lie in, whether or not they say where they end.
_OPENED: Final = frozenset({_SEGMENT, _CLUSTER, _BLOCK_GROUP, _TRACKS})
_OPUS: Final = b"A_OPUS"
_HEAD_BYTES: Final = 19
_RATE: Final = 48_000
# Samples at 48 kHz in a frame, by the upper five bits of a packet's first byte (RFC 6716, table 2).
_FRAMES: Final = (480, 960, 1_920, 2_880) * 3 + (480, 960) * 2 + (120, 240, 480, 960) * 4
_LONGEST_PACKET: Final = 5_760
# Twice as many as ten minutes have blocks.
_MOST_ELEMENTS: Final = 500_000
_MOST_SEGMENTS: Final = 255
_SERIAL: Final = 0x50F7_1003
_BEGINS, _ENDS = 2, 4


@dataclass(frozen=True, slots=True)
class _Track:
    number: int
    head: bytes


def write_as_ogg(source: Path, target: Path) -> None:
    """Write the first Opus track of a WebM file as an Ogg file.

    Raises Refused for what is no WebM, has no sound in Opus, or has damaged packets.
    """
    data = memoryview(source.read_bytes())
    try:
        track, packets = _read(data)
        with target.open("wb") as file:
            _write(file, track.head, packets)
    except Malformed as error:
        raise Refused("damaged", "webm") from error


def _read(data: memoryview) -> tuple[_Track, list[bytes]]:
    track: _Track | None = None
    packets: list[bytes] = []
    for element in _opened(data, 0, len(data)):
        if element.id == _TRACK_ENTRY and track is None:
            track = _opus_track(data, element)
        elif element.id in (_SIMPLE_BLOCK, _BLOCK) and track is not None:
            packet = _packet(data, element, track.number)
            if packet:
                packets.append(packet)
    if track is None or not packets:
        raise Refused("no_audio", "webm")
    return track, packets


def _opened(data: memoryview, begin: int, end: int) -> Iterator[Element]:
    """Give the elements of a file in order, with those inside of the ones that we open."""
    pending = [elements(data, begin, end)]
    seen = 0
    while pending:
        element = next(pending[-1], None)
        seen += 1
        if seen > _MOST_ELEMENTS:
            raise Malformed
        if element is None:
            pending.pop()
        elif element.id in _OPENED:
            # The parts of one of unknown size follow it as if they were its siblings.
            if element.has_size:
                pending.append(elements(data, element.begin, element.end))
        else:
            if not element.has_size:
                raise Malformed
            yield element


def _opus_track(data: memoryview, entry: Element) -> _Track | None:
    """Return a track if it is in Opus, of one or two channels."""
    found = {part.id: part for part in elements(data, entry.begin, entry.end)}
    if _CODEC_ID not in found or _TRACK_NUMBER not in found or _CODEC_PRIVATE not in found:
        return None
    codec, private = found[_CODEC_ID], found[_CODEC_PRIVATE]
    if bytes(data[codec.begin : codec.end]).rstrip(b"\0") != _OPUS:
        return None
    head = bytes(data[private.begin : private.end])
    if len(head) < _HEAD_BYTES or not head.startswith(b"OpusHead"):
        raise Malformed
    if head[9] not in (1, 2) or head[18] != 0:
        raise Refused("channels", "webm", str(head[9]))
    return _Track(unsigned(data, found[_TRACK_NUMBER]), head[:_HEAD_BYTES])


def _packet(data: memoryview, block: Element, wanted: int) -> bytes | None:
    """Return the packet in a block of the wanted track; None for other tracks."""
    number, at = variable_number(data, block.begin, block.end)
    if number != wanted:
        return None
    if at + 3 > block.end:
        raise Malformed
    # Two bytes of time, one of flags.
    if data[at + 2] & 0x06:
        raise Refused("lacing", "webm")
    return bytes(data[at + 3 : block.end])


def _samples(packet: bytes) -> int:
    """Return how long a packet lasts at 48 kHz. Raises Malformed."""
    per_frame, code = _FRAMES[packet[0] >> 3], packet[0] & 3
    if code == 3 and len(packet) < 2:
        raise Malformed
    count = (1, 2, 2, packet[1] & 0x3F if code == 3 else 0)[code]
    if not 0 < per_frame * count <= _LONGEST_PACKET:
        raise Malformed
    return per_frame * count


def _write(file: IO[bytes], head: bytes, packets: list[bytes]) -> None:
    tags = b"OpusTags" + struct.pack("<I", 9) + b"Soundloom" + struct.pack("<I", 0)
    file.write(_page([head], 0, 0, _BEGINS))
    file.write(_page([tags], 0, 1, 0))
    number, position, segments = 2, 0, 0
    held: list[bytes] = []
    for packet in packets:
        needed = len(packet) // 255 + 1
        if needed > _MOST_SEGMENTS:
            raise Malformed
        if segments + needed > _MOST_SEGMENTS:
            file.write(_page(held, position, number, 0))
            number, segments, held = number + 1, 0, []
        position += _samples(packet)
        segments += needed
        held.append(packet)
    file.write(_page(held, position, number, _ENDS))


def _page(packets: list[bytes], position: int, number: int, flags: int) -> bytes:
    lacing = b"".join(b"\xff" * (len(one) // 255) + bytes([len(one) % 255]) for one in packets)
    header = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, position, _SERIAL, number, 0, len(lacing))
    page = bytearray(header + lacing + b"".join(packets))
    page[22:26] = struct.pack("<I", page_checksum(page))
    return bytes(page)
