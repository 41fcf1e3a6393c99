"""The interface of a storage for the files of sounds."""

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from webapp.storage.pieces import PieceStore

# The names of files, by the keys of their groups.
Wanted = Mapping[str, Collection[str]]


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file that was copied out of a storage."""

    name: str
    size: int
    sha256: str


class StoredFile(Protocol):
    """One file, found and ready to be read. `version` is another one for other content."""

    @property
    def size_bytes(self) -> int: ...
    @property
    def modified_s(self) -> float: ...
    @property
    def version(self) -> str: ...

    def read(self, first: int, length: int) -> AsyncGenerator[bytes, None]:
        """Give so many bytes from `first` on, in pieces, none of which blocks the event loop.

        Raises OSError when there are fewer by now.
        """
        ...

    def close(self) -> None:
        """Let go of the file."""
        ...


class Storage(Protocol):
    """Keeps groups of files under keys that the product makes (`[0-9a-f]+-[0-9]+`).

    A group is written under a key that nobody else uses and never changed afterwards. The row that names its
    key is what makes it visible, so nobody reads a group that is half there. Each host has a staging folder
    of its own. Every method raises StorageAway while the storage does not answer.
    """

    @property
    def location(self) -> str:
        """Where it is, in words for an operator."""
        ...

    @property
    def origin(self) -> str:
        """The origin of signed addresses; empty where there are none."""
        ...

    @property
    def pieces(self) -> PieceStore:
        """The pieces of sounds that are being made."""
        ...

    def staging_folder(self) -> Path:
        """A new, empty, private folder on this host to write files into before they are published."""
        ...

    async def publish(self, key: str, staged: Path) -> None:
        """Make the files in a staging folder the group `key`, durably; the folder is gone when this returns.

        What has raised StorageAway may be repeated.
        """
        ...

    async def discard(self, staged: Path) -> None:
        """Remove a staging folder that will not be published; fine if it is gone."""
        ...

    async def open(self, key: str, name: str) -> StoredFile:
        """Open one file of a group. Raises FileNotFoundError."""
        ...

    def local_file(self, key: str, name: str) -> AbstractAsyncContextManager[Path]:
        """Give one file of a group as a file of this host while the block runs. Raises FileNotFoundError."""
        ...

    async def signed_url(self, key: str, name: str, *, method: str, for_s: int) -> str | None:
        """Return an address that gives the file to anybody for so long; None where there are none."""
        ...

    async def copy_out(self, wanted: Wanted, target: Path) -> Mapping[str, Sequence[CopiedFile]]:
        """Copy files of many groups to `target/<key>/<name>`; files that are not there are left out."""
        ...

    async def missing(self, wanted: Wanted) -> Mapping[str, tuple[str, ...]]:
        """Of the files wanted of each group, those that are gone or empty; only groups that lack some."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a group; fine if it is not there."""
        ...

    async def keys(self) -> Collection[str]:
        """Every group's key, also of groups that are not whole."""
        ...

    def key_shares(self) -> AsyncIterator[Collection[str]]:
        """The same, a small share at a time; each has all the keys between its first and its last."""
        ...

    async def free_bytes(self) -> int | None:
        """Room left on the device; None where there is no such figure."""
        ...

    async def sweep_staging(self) -> int:
        """Remove this host's staging folders of processes that are gone; returns how many."""
        ...

    async def mark(self) -> str:
        """Return the text by which the storage is known; empty while it has none."""
        ...

    async def write_mark(self, text: str) -> str:
        """Give the storage this mark unless it has one by now; return the one that it has."""
        ...

    async def require(self) -> None:
        """Return if the storage answers."""
        ...
