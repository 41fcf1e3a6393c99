"""Where weights come from: a hub or a mirror of one over HTTP, or a local folder."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webapp.errors import NotFound, ProductError
from webapp.weights.layout import folder_name
from webapp.weights.manifest import read_manifest

CHUNK_BYTES = 1024 * 1024


class SourceFailed(ProductError):
    """A source failed for good, or gave something else than it said it would."""


class Interrupted(Exception):
    """Something went wrong on the way that may not happen again.

    The text is for people. `retry_after_s` is what the source asked for, if it did; an attempt that got
    further than any before it was not fruitless.
    """

    def __init__(self, text: str, *, retry_after_s: float | None = None, is_fruitless: bool = True) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.is_fruitless = is_fruitless


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A source's facts about a file.

    `sha256` is its digest in hexadecimal, `git_sha1` that of a git blob; either may be empty. `revision`
    names the state of the repository that it is part of, if the source has such.
    """

    repository: str
    file: str
    location: str
    size_bytes: int
    sha256: str = ""
    git_sha1: str = ""
    revision: str = ""

    @property
    def is_checked(self) -> bool:
        """Return whether the source publishes a digest."""
        return bool(self.sha256 or self.git_sha1)


class Body(Protocol):
    """A file's bytes from `offset` on, as they arrive.

    `offset` may be less than what was asked for: 0 from a source that starts over. `validator` tells this
    content from a later one under the same name; empty where nothing does.
    """

    offset: int
    validator: str

    def read(self) -> bytes:
        """The next bytes; empty at the end. Raises Interrupted."""
        ...


class Source(Protocol):
    """Somewhere that has published files under the names of their repositories."""

    @property
    def name(self) -> str:
        """Return the source's name for people, without secrets."""
        ...

    def look(self, repository: str, file: str, revision: str) -> RemoteFile:
        """List the files to fetch; `revision` empty for the newest.

        Raises NotFound, SourceFailed, and Interrupted for what may pass.
        """
        ...

    def open(self, remote: RemoteFile, offset: int, validator: str) -> AbstractContextManager[Body]:
        """Begin to read at `offset`; if the content is no longer what `validator` was for, at 0.

        Raises as `look` does.
        """
        ...


class FolderSource:
    """A folder with one folder per repository: `owner/name`, or only `name` as in a models folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        return str(self._root)

    def look(self, repository: str, file: str, revision: str) -> RemoteFile:
        for folder in (self._root / repository, self._root / folder_name(repository)):
            path = folder / file
            if path.is_file():
                noted = read_manifest(folder).files.get(file)
                return RemoteFile(
                    repository, file, str(path), path.stat().st_size, sha256=noted.sha256 if noted else ""
                )
        raise NotFound(f"{self._root} has no {repository}/{file}")

    @contextmanager
    def open(self, remote: RemoteFile, offset: int, validator: str) -> Iterator[Body]:
        path = Path(remote.location)
        status = path.stat()
        present = f"{status.st_size}-{status.st_mtime_ns}"
        with path.open("rb") as file:
            body = _FileBody(offset if remote.is_checked or validator == present else 0, present, file.read)
            file.seek(body.offset)
            yield body


@dataclass(slots=True)
class _FileBody:
    offset: int
    validator: str
    _read: "_Read"

    def read(self) -> bytes:
        return self._read(CHUNK_BYTES)


class _Read(Protocol):
    def __call__(self, size: int, /) -> bytes: ...
