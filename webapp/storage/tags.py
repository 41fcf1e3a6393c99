"""Adds tags to sound files as they are exported: title, artist, comment, licence, software, date.

Only the beginnings and ends of files change, never the sound. Stored files have no tags, so a new title needs
no new file. Formats: RIFF INFO (WAV), Vorbis comments (FLAC, RFC 9639; Ogg Vorbis, RFC 3533 and the Vorbis I
specification), ID3v2.4 (MP3).
"""

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

# Files are read this far; everything that tags replace is well within.
HEAD_BYTES: Final = 128 * 1024
_SEGMENT: Final = 255
_SEGMENTS_PER_PAGE: Final = 255


@dataclass(frozen=True, slots=True)
class Tags:
    """A sound's tags; empty texts are left out. `date` is `YYYY-MM-DD`."""

    title: str = ""
    artist: str = ""
    comment: str = ""
    license: str = ""
    software: str = ""
    date: str = ""


@dataclass(frozen=True, slots=True)
class Retagging:
    """A tagged file: `head` in place of the first `replaced` bytes, the rest up to `end`, then `tail`."""

    head: bytes
    replaced: int
    end: int
    tail: bytes = b""

    @property
    def size_bytes(self) -> int:
        """Return how long the tagged file is."""
        return len(self.head) + self.end - self.replaced + len(self.tail)


def retag(suffix: str, head: bytes, size: int, tags: Tags) -> Retagging:
    """Return how to tag a file of `size` bytes that begins with `head`; `suffix` is wav, flac, ogg or mp3.

    A file of another layout than ours is left unchanged.
    """
    way = _WAYS.get(suffix)
    if way is None:
        return Retagging(b"", 0, size)
    unchanged = Retagging(b"", 0, size)
    try:
        change = way(head, size, tags)
    except (IndexError, struct.error, ValueError):
        return unchanged
    return change if change.replaced <= change.end <= size else unchanged


def _wav(head: bytes, _size: int, tags: Tags) -> Retagging:
    end = _end_of_samples(head)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE" or end > 0xFFFF_0000:
        raise ValueError("no plain WAV file")
    names = {
        b"INAM": tags.title, b"IART": tags.artist, b"ICMT": tags.comment, b"ICOP": tags.license,
        b"ISFT": tags.software, b"ICRD": tags.date,
    }  # fmt: skip
    chunks = b"".join(_riff_chunk(name, text.encode() + b"\0") for name, text in names.items() if text)
    tail = _riff_chunk(b"LIST", b"INFO" + chunks)
    return Retagging(b"RIFF" + struct.pack("<I", end - 8 + len(tail)), 8, end, tail)


def _end_of_samples(head: bytes) -> int:
    """Return where the samples of a WAV file end; everything after them is replaced."""
    at = 12
    while True:
        (length,) = struct.unpack_from("<I", head, at + 4)
        end: int = at + 8 + length + length % 2
        if head[at : at + 4] == b"data":
            return end
        at = end


def _riff_chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _mp3(head: bytes, size: int, tags: Tags) -> Retagging:
    replaced = 0
    if head[:3] == b"ID3":
        replaced = 10 + _from_synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
    # Encoding 3 is UTF-8; a comment has a language and an empty description before its text.
    texts = {
        b"TIT2": tags.title, b"TPE1": tags.artist, b"TCOP": tags.license, b"TSSE": tags.software,
        b"TDRC": tags.date,
    }  # fmt: skip
    frames = [_id3_frame(name, b"\x03" + text.encode()) for name, text in texts.items() if text]
    if tags.comment:
        frames.append(_id3_frame(b"COMM", b"\x03und\0" + tags.comment.encode()))
    body = b"".join(frames)
    return Retagging(b"ID3\x04\0\0" + _synchsafe(len(body)) + body, replaced, size)


def _id3_frame(name: bytes, content: bytes) -> bytes:
    return name + _synchsafe(len(content)) + b"\0\0" + content


def _synchsafe(number: int) -> bytes:
    return bytes(number >> shift & 0x7F for shift in (21, 14, 7, 0))


def _from_synchsafe(data: bytes) -> int:
    return data[0] << 21 | data[1] << 14 | data[2] << 7 | data[3]


def _comments(tags: Tags) -> bytes:
    names = {
        "TITLE": tags.title, "ARTIST": tags.artist, "COMMENT": tags.comment, "LICENSE": tags.license,
        "SOFTWARE": tags.software, "DATE": tags.date,
    }  # fmt: skip
    fields = [f"{name}={text}".encode() for name, text in names.items() if text]
    vendor = tags.software.encode()
    parts = [struct.pack("<I", len(vendor)), vendor, struct.pack("<I", len(fields))]
    for field in fields:
        parts += [struct.pack("<I", len(field)), field]
    return b"".join(parts)


def _flac(head: bytes, size: int, tags: Tags) -> Retagging:
    if head[:4] != b"fLaC":
        raise ValueError("no FLAC file")
    blocks: list[tuple[int, bytes]] = []
    at, is_last = 4, False
    while not is_last:
        kind, is_last = head[at] & 0x7F, bool(head[at] & 0x80)
        length = int.from_bytes(head[at + 1 : at + 4], "big")
        content = head[at + 4 : at + 4 + length]
        if len(content) != length:
            raise ValueError("metadata longer than what was read")
        if kind != 4:  # Vorbis comments, which these replace
            blocks.append((kind, content))
        at += 4 + length
    if not blocks or blocks[0][0] != 0:
        raise ValueError("no stream info at the beginning")
    blocks.insert(1, (4, _comments(tags)))
    written = [
        bytes([kind | (0x80 if number == len(blocks) else 0)]) + len(content).to_bytes(3, "big") + content
        for number, (kind, content) in enumerate(blocks, 1)
    ]
    return Retagging(b"fLaC" + b"".join(written), at, size)


def _ogg(head: bytes, size: int, tags: Tags) -> Retagging:
    """Fit the new comments into as many pages as the old headers, so that all later pages stay the same."""
    first = _OggPage.read(head, 0)
    if not first.content.startswith(b"\x01vorbis"):
        raise ValueError("no Ogg Vorbis file")
    pages: list[_OggPage] = []
    at, packets = first.end, [b""]
    while len(packets) < 3:  # comments, set-up, and the empty beginning of what follows
        page = _OggPage.read(head, at)
        pages.append(page)
        at = page.end
        packets = page.unlaced(packets)
    if packets[2] or not packets[0].startswith(b"\x03vorbis") or not packets[1].startswith(b"\x05vorbis"):
        raise ValueError("headers not laid out as the specification asks")
    comment = b"\x03vorbis" + _comments(tags) + b"\x01"
    new = _OggPage.laced([comment, packets[1]], like=pages)
    return Retagging(head[: first.end] + b"".join(new), at, size)


@dataclass(frozen=True, slots=True)
class _OggPage:
    """A page: header without table, the table of segment lengths, and the segments."""

    header: bytes
    table: bytes
    content: bytes
    end: int

    @classmethod
    def read(cls, data: bytes, at: int) -> "_OggPage":
        if data[at : at + 4] != b"OggS":
            raise ValueError("no page")
        behind_table = at + 27 + data[at + 26]
        table = data[at + 27 : behind_table]
        end = behind_table + sum(table)
        if end > len(data):
            raise ValueError("a page longer than what was read")
        return cls(data[at : at + 26], table, data[behind_table:end], end)

    def unlaced(self, packets: list[bytes]) -> list[bytes]:
        """Append this page's segments to the packets so far; the last packet may be incomplete."""
        packets, at = list(packets), 0
        for length in self.table:
            packets[-1] += self.content[at : at + length]
            at += length
            if length < _SEGMENT:
                packets.append(b"")
        return packets

    @staticmethod
    def laced(packets: list[bytes], *, like: "list[_OggPage]") -> list[bytes]:
        """Split packets into as many pages as `like`, with the same serial and sequence numbers."""
        lengths = [
            length
            for packet in packets
            for length in (*[_SEGMENT] * (len(packet) // _SEGMENT), len(packet) % _SEGMENT)
        ]
        stream, written, at = b"".join(packets), [], 0
        is_continued = False
        for number, page in enumerate(like):
            left = len(like) - number - 1
            # As many as fit, but leave at least one for each further page.
            table = lengths[: min(_SEGMENTS_PER_PAGE, len(lengths) - left)]
            lengths = lengths[len(table) :]
            if not table:
                raise ValueError("fewer segments than pages")
            content = stream[at : at + sum(table)]
            at += len(content)
            # The position is -1 if no packet ends on this page, and otherwise 0, as for all headers.
            position = 0 if any(length < _SEGMENT for length in table) else -1
            header = b"OggS\0" + bytes([int(is_continued)]) + struct.pack("<q", position) + page.header[14:22]
            written.append(_with_checksum(header, bytes([len(table), *table]) + content))
            is_continued = table[-1] == _SEGMENT
        if lengths:
            raise ValueError("more than fits")
        return written


def _with_checksum(header: bytes, rest: bytes) -> bytes:
    checksum = 0
    for byte in header + b"\0\0\0\0" + rest:
        checksum = (checksum << 8 & 0xFFFF_FFFF) ^ _CRC_TABLE[checksum >> 24 ^ byte]
    return header + struct.pack("<I", checksum) + rest


def _crc_entry(number: int) -> int:
    entry = number << 24
    for _ in range(8):
        entry = (entry << 1 & 0xFFFF_FFFF) ^ (0x04C1_1DB7 if entry & 0x8000_0000 else 0)
    return entry


_CRC_TABLE: Final = tuple(map(_crc_entry, range(256)))
_WAYS: Final[Mapping[str, Callable[[bytes, int, Tags], Retagging]]] = {
    "wav": _wav,
    "flac": _flac,
    "ogg": _ogg,
    "mp3": _mp3,
}
