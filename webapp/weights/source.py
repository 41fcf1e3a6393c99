"""Sources of weights: the interface, and a local folder. A hub over HTTP is in `http_source`."""

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
    """A source failed permanently, or sent something other than it announced."""


class Interrupted(Exception):
    """A temporary failure: worth another attempt.

    The text is for people. `retry_after_s` is the delay that the source asked for, if any. `is_fruitless` is
    False for an attempt that got further than all before it.
    """

    def __init__(self, text: str, *, retry_after_s: float | None = None, is_fruitless: bool = True) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s
        self.is_fruitless = is_fruitless


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A source's facts about a file.

    `sha256` is its digest in hexadecimal, `git_sha1` that of a git blob; either may be empty. `revision` is
    the commit of the repository, if the source has commits.
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

    `offset` is 0 instead of the requested one if the source starts over. `validator` distinguishes this
    content from another under the same name; empty if the source has none.
    """

    offset: int
    validator: str

    def read(self) -> bytes:
        """Return the next bytes; empty at the end. Raises Interrupted."""
        ...


class Source(Protocol):
    """A source of published files, named by repository and path."""

    @property
    def name(self) -> str:
        """Return the source's name for people, without secrets."""
        ...

    def describe(self, repository: str, file: str, revision: str) -> RemoteFile:
        """Return the facts about a file; an empty `revision` is the newest one.

        Raises NotFound, SourceFailed, and Interrupted for temporary failures.
        """
        ...

    def open(self, remote: RemoteFile, offset: int, validator: str) -> AbstractContextManager[Body]:
        """Start reading at `offset`; at 0 if the content is no longer the one that `validator` belongs to.

        Raises what `describe` raises.
        """
        ...


class FolderSource:
    """A folder with one folder per repository: `owner/name`, or only `name` as in a models folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def name(self) -> str:
        return str(self._root)

    def describe(self, repository: str, file: str, revision: str) -> RemoteFile:
        for folder in (self._root / repository, self._root / folder_name(repository)):
            path = folder / file
            if path.is_file():
                recorded = read_manifest(folder).files.get(file)
                return RemoteFile(
                    repository,
                    file,
                    str(path),
                    path.stat().st_size,
                    sha256=recorded.sha256 if recorded else "",
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
