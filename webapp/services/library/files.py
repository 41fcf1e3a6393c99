"""Finished sounds and their files."""

import re
from pathlib import Path

from webapp.database import Database
from webapp.errors import NotFound
from webapp.services.queue.leases import Leases
from webapp.services.speech.leases import SpeechLeases
from webapp.storage import Storage

AUDIO_NAME = re.compile(r"([0-9a-f]{20})\.(wav|flac|ogg|mp3)")
PICTURE_NAME = re.compile(r"([0-9a-f]{20})\.png")
# What files may be known by, and those that belong to something: sounds, and the samples of voices.
# The attempts at a job or text are numbered up to its `fence`.
OWNED_KEYS = (
    "SELECT generation_id, NULL AS storage_key, fence, 0 AS is_sound FROM job"
    " UNION ALL SELECT generation_id, storage_key, 0 AS fence, 1 AS is_sound FROM sound"
    " UNION ALL SELECT generation_id, CASE WHEN account IS NULL AND status = 'completed'"
    " THEN generation_id || '-' || fence END AS storage_key, fence, 0 AS is_sound FROM speech_request"
)


class Sounds:
    """Finds the files of sounds, and removes those that belong to none."""

    def __init__(
        self, database: Database, storage: Storage, leases: Leases, speech_leases: SpeechLeases
    ) -> None:
        self._database = database
        self._storage = storage
        self._leases = leases
        self._speech_leases = speech_leases

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
        """Delete the files that a crash left without a sound: those of claims of known jobs and texts, and
        those that an import or a deletion did not get done with.

        Other files that the database does not know are left alone, because it may be the database that is
        wrong: another one, or an older copy. Returns how many groups were removed, and how many were left
        for this reason.
        """
        on_disk, loose = set(await self._storage.keys()), await self._storage.loose()
        # Asked after the folder was read: what was published since then is not in the list.
        held = await self._leases.held_storage_keys() | await self._speech_leases.held_storage_keys()
        held |= {key for key, is_in_hand in loose.items() if is_in_hand}
        rows = await self._database.fetch(OWNED_KEYS)
        owned = {row["storage_key"] for row in rows if row["storage_key"]}
        fences = {row["generation_id"]: row["fence"] for row in rows if row["fence"]}
        for key in (loose.keys() - held) & owned:
            await self._storage.settle(key)
        removed = unknown = 0
        for key in on_disk - held - owned:
            generation_id, _, number = key.partition("-")
            if key in loose or int(number) <= fences.get(generation_id, 0):
                await self._storage.delete(key)
                removed += 1
            else:
                unknown += 1
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
