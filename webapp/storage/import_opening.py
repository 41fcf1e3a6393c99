"""Lists the files of a folder, and of an untrusted zip."""

import errno
import lzma
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Final

from webapp.errors import InvalidRequest
from webapp.storage.import_names import Entry

MAX_ENTRIES: Final = 200_000
# The table of contents is held in memory, as objects of about ten times its size.
MAX_TABLE_BYTES: Final = 32 * 1024 * 1024
# What zipfile raises for damaged archives and for unsupported methods. RuntimeError is for encryption;
# MemoryError is caused by damaged sizes.
FAULTS: Final = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError,
    RuntimeError, ArithmeticError, ValueError, LookupError, MemoryError, OSError,
)  # fmt: skip

_END: Final = struct.Struct("<4s4H2LH")
_LONGEST_COMMENT: Final = 0xFFFF
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_WHERE_64: Final = struct.Struct("<4sLQL")
_UTF8: Final = 1 << 11


@contextmanager
def opened_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip whose table of contents can be held in memory. Raises InvalidRequest and OSError."""
    if not path.exists():
        raise InvalidRequest(f"{path} is not there")
    try:
        with path.open("rb") as file:
            if _table_bytes(file) > MAX_TABLE_BYTES:
                raise InvalidRequest("The archive has too many entries")
        archive = zipfile.ZipFile(path)
    except FAULTS as error:
        # A damaged offset may point before the beginning of the file, which gives EINVAL.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise InvalidRequest(f"{path} is neither a folder nor a zip, or the zip is not whole") from error
    with archive:
        yield archive


def entries_of(archive: zipfile.ZipFile) -> list[Entry]:
    """List the files of a zip, without links. Raises InvalidRequest for too many."""
    if len(archive.infolist()) > MAX_ENTRIES:
        raise InvalidRequest("The archive has too many entries")
    return [
        Entry(_names(info), partial(archive.open, info))
        for info in archive.infolist()
        if not info.is_dir() and not stat.S_ISLNK(info.external_attr >> 16)
    ]


def entries_below(folder: Path) -> list[Entry]:
    """List the files in a folder and its subfolders, without links. Raises InvalidRequest for too many."""
    found: list[Entry] = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(place, name)
            if path.is_symlink() or not path.is_file():
                continue
            found.append(Entry([str(path.relative_to(folder))], partial(_open_below, folder, path)))
            if len(found) > MAX_ENTRIES:
                raise InvalidRequest("The folder has too many files")
    return found


def _names(info: zipfile.ZipInfo) -> list[str]:
    """Return the readings of an entry's name. Without a declared encoding, many tools write UTF-8."""
    name = info.orig_filename
    if info.flag_bits & _UTF8:
        return [name]
    try:
        return [name.encode("cp437").decode("utf-8"), name]
    except UnicodeError:
        return [name]


def _open_below(folder: Path, path: Path) -> IO[bytes]:
    """Open a file of the folder; refuse paths that links lead out of it."""
    whole, root = path.resolve(), folder.resolve()
    if not whole.is_relative_to(root) or whole != root / path.relative_to(folder):
        raise InvalidRequest(f"{path.name[:100]!r} is not a file of the folder")
    return whole.open("rb")


def _table_bytes(file: IO[bytes]) -> int:
    """Return the declared length of a zip's table of contents; 0 if it is not declared."""
    size = file.seek(0, os.SEEK_END)
    begin = max(0, size - _LONGEST_COMMENT - _END.size - _WHERE_64.size)
    file.seek(begin)
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END.size:
        return 0
    told: int = _END.unpack_from(tail, at)[5]
    if at < _WHERE_64.size or tail[at - _WHERE_64.size : at - _WHERE_64.size + 4] != b"PK\x06\x07":
        return told
    # The ZIP64 end record is right before its locator.
    file.seek(max(0, begin + at - _WHERE_64.size - _END_64.size))
    record = file.read(_END_64.size)
    long_told: int = _END_64.unpack(record)[8] if record[:4] == b"PK\x06\x06" else 0
    return max(0 if told == 0xFFFF_FFFF else told, long_told)
