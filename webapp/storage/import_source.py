"""A folder or zip that came from elsewhere, read without being unpacked or believed."""

import hashlib
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

from webapp.errors import InvalidRequest, is_disk_full

MAX_ENTRIES: Final = 200_000
CHUNK_BYTES: Final = 256 * 1024


class ImportSource(Protocol):
    """Files by their names. Whoever reads says how much may come; more is refused, whatever was declared."""

    def read(self, name: str, most_bytes: int) -> bytes:
        """A whole small file. Raises InvalidRequest."""
        ...

    def copy(self, name: str, target: Path, *, size: int, sha256: str) -> None:
        """Write a file of exactly this size and digest to `target`. Raises InvalidRequest."""
        ...


@contextmanager
def import_source(path: Path) -> Iterator[ImportSource]:
    """Open a folder or zip. Raises InvalidRequest for anything else."""
    if path.is_dir():
        yield _Source(lambda name: _open_below(path, name))
        return
    try:
        with zipfile.ZipFile(path) as archive:
            if len(archive.infolist()) > MAX_ENTRIES:
                raise InvalidRequest("The archive has too many entries")
            yield _Source(lambda name: _open_entry(archive, name))
    except FileNotFoundError as error:
        raise InvalidRequest(f"{path} is not there") from error
    except zipfile.BadZipFile as error:
        raise InvalidRequest(f"{path} is neither a folder nor a zip, or the zip is not whole") from error


class _Source:
    def __init__(self, opener: "Opener") -> None:
        self._open = opener

    def read(self, name: str, most_bytes: int) -> bytes:
        with _faults(name), self._open(name) as file:
            content = file.read(most_bytes + 1)
        if len(content) > most_bytes:
            raise InvalidRequest(f"{name} is too long")
        return content

    def copy(self, name: str, target: Path, *, size: int, sha256: str) -> None:
        digest, left = hashlib.sha256(), size
        with _faults(name), self._open(name) as file, target.open("wb") as copy:
            # One byte more than there should be tells that there is more, however much it is.
            while chunk := file.read(min(CHUNK_BYTES, left + 1)):
                left -= len(chunk)
                if left < 0:
                    break
                digest.update(chunk)
                copy.write(chunk)
        if left or digest.hexdigest() != sha256:
            raise InvalidRequest(f"{name} is not the file that the manifest tells of")


class Opener(Protocol):
    def __call__(self, name: str) -> IO[bytes]: ...


@contextmanager
def _faults(name: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        if is_disk_full(error):  # the copy's, not the source's
            raise
        raise InvalidRequest(f"{name[:100]!r} is missing or cannot be read") from error


def _open_entry(archive: zipfile.ZipFile, name: str) -> IO[bytes]:
    info = archive.getinfo(name)
    if stat.S_ISLNK(info.external_attr >> 16) or info.is_dir():
        raise InvalidRequest(f"{name[:100]!r} is not a file")
    return archive.open(info)


def _open_below(folder: Path, name: str) -> IO[bytes]:
    """A file in the folder: nothing that leads out of it, by dots, links or from the root."""
    parts = PurePosixPath(name).parts
    path = folder.joinpath(*parts)
    whole, root = path.resolve(), folder.resolve()
    if not parts or "\0" in name or not whole.is_relative_to(root) or whole != root.joinpath(*parts):
        raise InvalidRequest(f"{name[:100]!r} is not a file of the folder")
    if not whole.is_file():
        raise InvalidRequest(f"{name[:100]!r} is missing or cannot be read")
    return whole.open("rb")
