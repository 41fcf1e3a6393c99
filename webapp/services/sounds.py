"""Finished sounds and their files."""

import re
from pathlib import Path

from webapp.database import Database
from webapp.errors import NotFound
from webapp.services.leases import Leases
from webapp.storage import Storage

AUDIO_NAME = re.compile(r"([0-9a-f]{20})\.(wav|flac|ogg|mp3)")
PICTURE_NAME = re.compile(r"([0-9a-f]{20})\.png")


class Sounds:
    """Finds the files of sounds, and removes those that belong to none."""

    def __init__(self, database: Database, storage: Storage, leases: Leases) -> None:
        self._database = database
        self._storage = storage
        self._leases = leases

    async def audio_file(self, file_name: str) -> Path:
        """The audio file behind a public name, `<generation id>.<wav|flac|ogg|mp3>`. Raises NotFound."""
        match = AUDIO_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound("Audio not found")
        return await self._file(match[1], f"sound.{match[2]}", "Audio not found")

    async def picture_file(self, file_name: str) -> Path:
        """The spectrogram behind a public name, `<generation id>.png`. Raises NotFound."""
        match = PICTURE_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound("Spectrogram not found")
        return await self._file(match[1], "spectrogram.png", "Spectrogram not found")

    async def remove_strays(self) -> tuple[int, int]:
        """Delete the files that claims of known jobs left without a sound, as a crash does.

        Files of jobs that the database does not know are left alone, because it may be the database that
        is wrong: another one, or an older copy. Returns how many groups were removed, and how many were
        left for this reason.
        """
        on_disk = set(await self._storage.keys())
        # Asked after the folder was read: what was published since then is not in the list.
        held = await self._leases.held_storage_keys()
        known = {
            row["generation_id"]: row["storage_key"]
            for row in await self._database.fetch(
                "SELECT job.generation_id, sound.storage_key"
                " FROM job LEFT JOIN sound ON sound.job = job.job_id"
            )
        }
        removed = unknown = 0
        for key in on_disk - held:
            generation_id = key.partition("-")[0]
            if generation_id not in known:
                unknown += 1
            elif known[generation_id] != key:
                await self._storage.delete(key)
                removed += 1
        return removed, unknown

    async def remove_if_stray(self, storage_key: str) -> None:
        """Delete one group of files unless a sound owns it."""
        if not await self._database.fetch("SELECT 1 AS one FROM sound WHERE storage_key = {}", storage_key):
            await self._storage.delete(storage_key)

    async def _file(self, generation_id: str, name: str, missing: str) -> Path:
        rows = await self._database.fetch(
            "SELECT storage_key FROM sound WHERE generation_id = {}", generation_id
        )
        if not rows:
            raise NotFound(missing)
        try:
            return await self._storage.path(rows[0]["storage_key"], name)
        except FileNotFoundError as error:
            raise NotFound(missing) from error
