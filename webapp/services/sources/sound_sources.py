"""Finds the sounds that requests name as sources, and opens them for whoever makes new ones of them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.policy.library.sound_sources import SoundSource
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import find_item
from webapp.services.sources.uploads import NOT_FOUND, UPLOAD_FILE
from webapp.storage import Storage
from webapp.tables import Sound, Upload

SOUND_FILE: Final = "sound.wav"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """Where the sound of a source is in the storage."""

    key: str
    name: str


class SoundSources:
    """Decides who may use which sound as a source, and finds its file."""

    def __init__(self, database: Database, storage: Storage, clock: Clock) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock

    async def require(self, identity: Identity, source: SoundSource) -> None:
        """Return if the account may use the source.

        Raises NotFound for an upload of another account, one that has expired or is not there, and for a
        sound that the account may not see.
        """
        if source.kind == "generation":
            await find_item(self._database, identity, source.id)
            return
        is_there = await Upload.exists().where(
            Upload.upload_id == source.id,
            Upload.account == identity.account_id,
            Upload.is_ready.eq(True),
            Upload.expires_ms > self._clock.now_ms(),
        )
        if not is_there:
            raise NotFound(NOT_FOUND)

    @asynccontextmanager
    async def opened(self, source: SoundSource) -> AsyncIterator[Path]:
        """Give a source's sound as a file of this host, for a job that was accepted with it.

        Raises NotFound if it is gone by now, and StorageAway.
        """
        file = await self._file(source)
        try:
            async with self._storage.local_file(file.key, file.name) as path:
                if not path.is_file():
                    raise NotFound(NOT_FOUND)
                yield path
        except FileNotFoundError as error:
            raise NotFound(NOT_FOUND) from error

    async def _file(self, source: SoundSource) -> SourceFile:
        if source.kind == "upload":
            rows = await Upload.select(Upload.storage_key).where(Upload.upload_id == source.id)
            name = UPLOAD_FILE
        else:
            rows = await Sound.select(Sound.storage_key).where(Sound.generation_id == source.id)
            name = SOUND_FILE
        if not rows:
            raise NotFound(NOT_FOUND)
        return SourceFile(rows[0]["storage_key"], name)
