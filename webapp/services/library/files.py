"""Finished sounds and their files."""

import re
from pathlib import Path

from webapp.database import Database
from webapp.errors import NotFound
from webapp.services.library import queries
from webapp.services.queue.leases import Leases
from webapp.services.speech.leases import SpeechLeases
from webapp.storage import Storage
from webapp.tables import Sound

AUDIO_NAME = re.compile(r"([0-9a-f]{20})\.(wav|flac|ogg|mp3)")
PICTURE_NAME = re.compile(r"([0-9a-f]{20})\.png")


class Sounds:
    """Finds the files of sounds, and removes files without a sound."""

    def __init__(
        self, database: Database, storage: Storage, leases: Leases, speech_leases: SpeechLeases
    ) -> None:
        self._database = database
        self._storage = storage
        self._leases = leases
        self._speech_leases = speech_leases

    async def exists(self, generation_id: str) -> bool:
        """Return whether there is a sound of this id."""
        return await Sound.exists().where(Sound.generation_id == generation_id)

    async def audio_file(self, file_name: str) -> Path:
        """Find the audio file of a public name, `<generation id>.<wav|flac|ogg|mp3>`. Raises NotFound."""
        match = AUDIO_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound("Audio not found")
        return await self._file(match[1], f"sound.{match[2]}", "Audio not found")

    async def picture_file(self, file_name: str) -> Path:
        """Find the spectrogram of a public name, `<generation id>.png`. Raises NotFound."""
        match = PICTURE_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound("Spectrogram not found")
        return await self._file(match[1], "spectrogram.png", "Spectrogram not found")

    async def remove_strays(self) -> tuple[int, int]:
        """Delete the files that a crash left without a sound: those of claims of known jobs and texts, and
        those of unfinished imports and deletions.

        Other files that the database does not know stay, because the database may be the wrong one: another
        one, or an older copy. Returns how many groups were removed, and how many stay for this reason.
        """
        on_disk, loose = set(await self._storage.keys()), await self._storage.loose()
        # Read after the folder: the list lacks what was published since.
        held = await self._leases.held_storage_keys() | await self._speech_leases.held_storage_keys()
        held |= {key for key, is_in_hand in loose.items() if is_in_hand}
        rows = await queries.owned_keys(self._database)
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
        if not await Sound.exists().where(Sound.storage_key == storage_key):
            await self._storage.delete(storage_key)

    async def _file(self, generation_id: str, name: str, missing: str) -> Path:
        row = await Sound.select(Sound.storage_key).where(Sound.generation_id == generation_id).first()
        if row is None:
            raise NotFound(missing)
        try:
            return await self._storage.path(row["storage_key"], name)
        except FileNotFoundError as error:
            raise NotFound(missing) from error
