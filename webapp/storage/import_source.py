"""Reads an untrusted folder or zip without unpacking it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol

from webapp.errors import InvalidRequest, is_disk_full
from webapp.policy.library.exports import MANIFEST_NAME
from webapp.storage.import_names import NameIndex, Opener
from webapp.storage.import_opening import FAULTS, entries_below, entries_of, opened_zip

# Small, because for two compression methods zipfile unpacks as many packed bytes at once as were requested:
# this many unpack to some tens of megabytes at most.
CHUNK_BYTES: Final = 4 * 1024


class ImportSource(Protocol):
    """Files by name. The caller limits their size; larger ones are refused, whatever the archive declares."""

    def read(self, name: str, most_bytes: int) -> bytes:
        """Read a small file. Raises InvalidRequest."""
        ...

    def copy(self, name: str, target: Path, *, size: int, sha256: str) -> None:
        """Write a file of exactly this size and digest to `target`. Raises InvalidRequest."""
        ...


@contextmanager
def import_source(path: Path, marker: str = MANIFEST_NAME) -> Iterator[ImportSource]:
    """Open a folder or zip. Names are relative to the folder in it that has the file `marker`.

    Raises InvalidRequest for anything else.
    """
    if path.is_dir():
        yield _Source(NameIndex(entries_below(path), marker))
        return
    with opened_zip(path) as archive:
        yield _Source(NameIndex(entries_of(archive), marker))


class _Source:
    def __init__(self, index: NameIndex) -> None:
        self._index = index

    def read(self, name: str, most_bytes: int) -> bytes:
        content = bytearray()
        opener = self._index.find(name)[0]
        with _faults(name), opener() as file:
            while len(content) <= most_bytes and (
                chunk := file.read(min(CHUNK_BYTES, most_bytes + 1 - len(content)))
            ):
                content += chunk
        if len(content) > most_bytes:
            raise InvalidRequest(f"{name} is too long")
        return bytes(content)

    def copy(self, name: str, target: Path, *, size: int, sha256: str) -> None:
        faults: list[InvalidRequest] = []
        for opener in self._index.find(name):
            try:
                _copy(name, opener, target, size=size, sha256=sha256)
            except InvalidRequest as error:
                faults.append(error)
            else:
                return
        raise faults[0]


def _copy(name: str, opener: Opener, target: Path, *, size: int, sha256: str) -> None:
    digest, left = hashlib.sha256(), size
    with _faults(name), opener() as file, target.open("wb") as copy:
        # Read at most one byte more than expected, to detect a file that is too long.
        while chunk := file.read(min(CHUNK_BYTES, left + 1)):
            left -= len(chunk)
            if left < 0:
                break
            digest.update(chunk)
            copy.write(chunk)
    if left or digest.hexdigest() != sha256:
        raise InvalidRequest(f"{name} is not the file that the manifest tells of")


@contextmanager
def _faults(name: str) -> Iterator[None]:
    try:
        yield
    except FAULTS as error:
        if is_disk_full(error):  # the copy's, not the source's
            raise
        raise InvalidRequest(f"{name[:100]!r} is missing or cannot be read") from error
