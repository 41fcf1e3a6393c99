"""The interface of a storage for the files of sounds."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol


class Storage(Protocol):
    """Keeps groups of files under keys that the product makes (`[0-9a-f]+-[0-9]+`).

    A group appears whole or not at all, and is never changed afterwards.
    """

    def staging_folder(self) -> Path:
        """A new, empty, private folder to write files into before they are published."""
        ...

    async def publish(self, key: str, staged: Path, *, is_loose: bool = False) -> None:
        """Make the files in a staging folder the group `key`; durable when this returns.

        A loose group is in hand until it is settled or deleted, and left over if its process ends before.
        """
        ...

    async def settle(self, key: str) -> None:
        """Say that a sound has a group now, which is no longer loose."""
        ...

    async def loosen(self, key: str) -> None:
        """Make a group loose and left over, for it is to be deleted in a moment; fine if it is not there."""
        ...

    async def loose(self) -> Mapping[str, bool]:
        """Every loose group's key, and whether it is still in hand."""
        ...

    async def discard(self, staged: Path) -> None:
        """Remove a staging folder that will not be published."""
        ...

    async def path(self, key: str, name: str) -> Path:
        """A readable local path of one file of a group. Raises FileNotFoundError."""
        ...

    async def missing(self, wanted: Mapping[str, Collection[str]]) -> dict[str, tuple[str, ...]]:
        """Of the files wanted of each group, those that are gone or empty; only groups that lack some."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a group; fine if it is not there."""
        ...

    async def keys(self) -> Collection[str]:
        """Every group's key."""
        ...

    async def free_bytes(self) -> int | None:
        """Room left on the device; None where there is no such figure."""
        ...

    async def sweep_staging(self) -> int:
        """Remove staging folders of processes that are gone; returns how many."""
        ...
