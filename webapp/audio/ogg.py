"""Sets the serial number of an Ogg stream (RFC 3533), which libsndfile draws at random for each file."""

import struct
import zlib
from pathlib import Path
from typing import Final

_CAPTURE: Final = b"OggS"
_HEADER: Final = 27
_SERIAL: Final = slice(14, 18)
_CHECKSUM: Final = slice(22, 26)
_MIRRORED: Final = bytes(int(f"{value:08b}"[::-1], 2) for value in range(256))
_ALL_ONES: Final = 0xFFFFFFFF


def set_serial_number(path: Path, serial_number: int) -> None:
    """Set the serial number of a file's only stream, so that the same sound gives the same bytes.

    Raises ValueError for a file that is not Ogg.
    """
    data = bytearray(path.read_bytes())
    begin = 0
    while begin < len(data):
        if data[begin : begin + 4] != _CAPTURE:
            raise ValueError(f"{path.name} is no Ogg file")
        body = begin + _HEADER + data[begin + _HEADER - 1]
        end = body + sum(data[begin + _HEADER : body])
        page = data[begin:end]
        page[_SERIAL] = struct.pack("<I", serial_number)
        page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = struct.pack("<I", page_checksum(page))
        data[begin:end] = page
        begin = end
    path.write_bytes(data)


def page_checksum(page: bytes | bytearray) -> int:
    """CRC-32 of a page whose checksum is zero: polynomial 04C11DB7 from the highest bit, no inversion.

    zlib's goes from the lowest bit and inverts before and after; mirrored and inverted again it is the same.
    """
    mirrored = zlib.crc32(page.translate(_MIRRORED), _ALL_ONES) ^ _ALL_ONES
    return int(f"{mirrored:032b}"[::-1], 2)
