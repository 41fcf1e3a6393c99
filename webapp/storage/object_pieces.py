"""The pieces of sounds that are being made, in an object store."""

import asyncio
from collections.abc import Collection
from typing import Final

from obstore.store import S3Store

from webapp.storage.names import KEY
from webapp.storage.object_file import object_faults
from webapp.storage.pieces import PIECES, checked_key, piece_path


class ObjectPieces:
    """Pieces as objects `streams/<key>/<name>` below the prefix of a bucket."""

    def __init__(self, store: S3Store) -> None:
        self._store: Final = store

    async def put(self, key: str, name: str, piece: bytes) -> None:
        with object_faults():
            await self._store.put_async(f"{PIECES}/{piece_path(key, name)}", piece)

    async def get(self, key: str, name: str) -> bytes | None:
        try:
            with object_faults():
                found = await self._store.get_async(f"{PIECES}/{piece_path(key, name)}")
                return bytes(await found.bytes_async())
        except FileNotFoundError:
            return None

    async def delete(self, key: str) -> None:
        await asyncio.to_thread(self._delete, checked_key(key))

    async def keys(self) -> Collection[str]:
        with object_faults():
            listed = await self._store.list_with_delimiter_async(PIECES)
        names = (prefix.rstrip("/").rpartition("/")[2] for prefix in listed["common_prefixes"])
        return {name for name in names if KEY.fullmatch(name)}

    def _delete(self, key: str) -> None:
        with object_faults():
            for batch in self._store.list(prefix=f"{PIECES}/{key}/", chunk_size=1_000):
                self._store.delete([found["path"] for found in batch])
