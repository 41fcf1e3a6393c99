"""The pieces of sounds that are being made: small, short-lived, and readable by every host."""

import asyncio
import re
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final, Protocol

from webapp.storage.names import KEY

PIECES: Final = "streams"
NAME: Final = re.compile(r"[0-9]{1,9}\.(?:mp3|ogg|flac|wav)\.[0-9]{1,9}")


class PieceStore(Protocol):
    """Keeps pieces in groups, under the keys of claims. A piece is whole or not there, and never changed.

    Every method raises StorageAway while the storage does not answer.
    """

    async def put(self, key: str, name: str, piece: bytes) -> None:
        """Store a piece. Raises OSError where there is no space, for example."""
        ...

    async def get(self, key: str, name: str) -> bytes | None:
        """Return a piece; None if it is not there."""
        ...

    async def delete(self, key: str) -> None:
        """Remove a group; fine if it is not there."""
        ...

    async def keys(self) -> Collection[str]:
        """Return the keys of all groups."""
        ...


class LocalPieces:
    """Pieces as files `streams/<key>/<name>` below the data folder. No sync: a crash begins them again."""

    def __init__(self, root: Path) -> None:
        self._root: Final = root / PIECES

    async def put(self, key: str, name: str, piece: bytes) -> None:
        await asyncio.to_thread(self._put, self._path(key, name), piece)

    async def get(self, key: str, name: str) -> bytes | None:
        return await asyncio.to_thread(self._get, self._path(key, name))

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(shutil.rmtree, self._root / checked_key(key), ignore_errors=True)

    async def keys(self) -> Collection[str]:
        return await asyncio.to_thread(self._keys)

    def _path(self, key: str, name: str) -> Path:
        return self._root / piece_path(key, name)

    def _put(self, path: Path, piece: bytes) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside = path.with_name(f".{path.name}")
        aside.write_bytes(piece)
        aside.chmod(0o600)
        aside.rename(path)

    def _get(self, path: Path) -> bytes | None:
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def _keys(self) -> set[str]:
        try:
            return {folder.name for folder in self._root.iterdir() if KEY.fullmatch(folder.name)}
        except FileNotFoundError:
            return set()


def piece_path(key: str, name: str) -> str:
    """Return where a piece lies below the folder of all pieces. Raises ValueError for names not of ours."""
    if not NAME.fullmatch(name):
        raise ValueError(name)
    return f"{checked_key(key)}/{name}"


def checked_key(key: str) -> str:
    """Return a key. Raises ValueError for what is none of ours."""
    if not KEY.fullmatch(key):
        raise ValueError(key)
    return key
