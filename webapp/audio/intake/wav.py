"""Puts the sizes in a WAV file's header right where a stream could not know them."""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from webapp.audio.intake.refusals import Refused

_RIFF_HEADER: Final = 12
_CHUNK_HEADER: Final = 8
_MAX_CHUNKS: Final = 1_000
# Programs that write to a pipe put the largest number there, signed or not, a little less, or nothing.
_UNKNOWN_FROM: Final = 0x7FF0_0000


def settle_sizes(path: Path) -> None:
    """Write the true sizes into a header that leaves them open; other files stay as they are.

    Raises Refused for a file that ends before its samples do, or that has none.
    """
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if _first_bytes(file, 4) == b"RF64":
            return
        for name, at, length in _chunks(file, size):
            if name != b"data":
                if at + length > size:
                    raise Refused("cut_off", "wav")
                continue
            _settle_data(file, at, length, size)
            return
    raise Refused("no_audio", "wav")


def _settle_data(file: IO[bytes], at: int, length: int, size: int) -> None:
    """Settle the chunk of the samples, whose content begins at `at`."""
    there = size - at
    is_open = length >= _UNKNOWN_FROM or (length == 0 and there > 0)
    if not is_open:
        if length > there:
            raise Refused("cut_off", "wav")
        return
    # A stream may break off inside a frame of samples; the rest of it is left out.
    block = max(1, _block_bytes(file, size))
    there -= there % block
    if there <= 0:
        raise Refused("no_audio", "wav")
    file.seek(at - 4)
    file.write(struct.pack("<I", there))
    file.truncate(at + there)
    file.seek(4)
    file.write(struct.pack("<I", at + there - _CHUNK_HEADER))


def _block_bytes(file: IO[bytes], size: int) -> int:
    for name, at, length in _chunks(file, size):
        if name == b"fmt " and length >= 14:
            file.seek(at + 12)
            (block,) = struct.unpack("<H", file.read(2))
            return int(block)
        if name == b"data":
            break
    raise Refused("damaged", "wav")


def _chunks(file: IO[bytes], size: int) -> Iterator[tuple[bytes, int, int]]:
    """Give each chunk's name, where its content begins, and its length as it is declared."""
    at = _RIFF_HEADER
    for _ in range(_MAX_CHUNKS):
        if at + _CHUNK_HEADER > size:
            return
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(_CHUNK_HEADER))
        yield name, at + _CHUNK_HEADER, length
        at += _CHUNK_HEADER + length + length % 2


def _first_bytes(file: IO[bytes], count: int) -> bytes:
    file.seek(0)
    return file.read(count)
