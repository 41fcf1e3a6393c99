"""Finished sounds and their files."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from webapp.errors import NotFound
from webapp.policy.library.captions import Caption
from webapp.services.library import queries
from webapp.services.library.sounds import captions_of
from webapp.services.queue.leases import Leases
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups
from webapp.services.speech.leases import SpeechLeases
from webapp.storage import StoredFile
from webapp.tables import Sound, Upload

AUDIO_NAME = re.compile(r"([0-9a-f]{20})\.(wav|flac|ogg|mp3)")
PICTURE_NAME = re.compile(r"([0-9a-f]{20})\.png")
# A sound that begins now, with its pauses, is heard to its end. Without a new question for a while.
SIGNED_FOR_S: Final = 3_600
REMEMBERED_FOR_S: Final = 600
NO_AUDIO: Final = "Audio not found"
CAPTIONS_NAME = re.compile(r"([0-9a-f]{20})\.vtt")
NO_CAPTIONS: Final = "Captions not found"
NO_PICTURE: Final = "Spectrogram not found"


@dataclass(frozen=True, slots=True)
class FileName:
    """The name of a sound's file in the storage."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class DirectAddress:
    """An address of the storage, and how long readers may keep to it without asking again."""

    url: str
    keep_s: int


class Sounds:
    """Finds the files of sounds, and removes files without a sound."""

    def __init__(
        self,
        base: Foundation,
        leases: Leases,
        speech_leases: SpeechLeases,
        loose: LooseGroups,
    ) -> None:
        self._database = base.database
        self._storage = base.storage
        self._is_redirecting = base.settings.storage_redirect
        self._leases = leases
        self._speech_leases = speech_leases
        self._loose = loose

    async def exists(self, generation_id: str) -> bool:
        """Return whether there is a sound of this id."""
        return await Sound.exists().where(Sound.generation_id == generation_id)

    async def audio_file(self, file_name: str) -> FileName:
        """Find the audio file of a public name, `<generation id>.<wav|flac|ogg|mp3>`. Raises NotFound."""
        match = AUDIO_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound(NO_AUDIO)
        return await self._file(match[1], f"sound.{match[2]}", NO_AUDIO)

    async def picture_file(self, file_name: str) -> FileName:
        """Find the spectrogram of a public name, `<generation id>.png`. Raises NotFound."""
        match = PICTURE_NAME.fullmatch(file_name)
        if match is None:
            raise NotFound(NO_PICTURE)
        return await self._file(match[1], "spectrogram.png", NO_PICTURE)

    async def captions(self, file_name: str) -> tuple[Caption, ...]:
        """Read the captions of a public name, `<generation id>.vtt`: none of a sound without speech.

        Raises NotFound.
        """
        match = CAPTIONS_NAME.fullmatch(file_name)
        row = None
        if match:
            row = await Sound.select(Sound.captions).where(Sound.generation_id == match[1]).first()
        if row is None:
            raise NotFound(NO_CAPTIONS)
        return captions_of(row["captions"])

    async def open(self, file: FileName) -> StoredFile:
        """Open a file that was found. Raises NotFound and StorageAway."""
        try:
            return await self._storage.open(file.key, file.name)
        except FileNotFoundError as error:
            raise NotFound(NO_PICTURE if file.name.endswith(".png") else NO_AUDIO) from error

    async def direct_address(self, file: FileName, *, method: str) -> DirectAddress | None:
        """Return where a reader gets a file from the storage itself, if readers are to be sent there."""
        if not self._is_redirecting:
            return None
        url = await self._storage.signed_url(file.key, file.name, method=method, for_s=SIGNED_FOR_S)
        return DirectAddress(url, REMEMBERED_FOR_S) if url else None

    async def remove_strays(self) -> tuple[int, int]:
        """Delete the files that a crash left without a sound: those of claims of known jobs and texts, and
        those of unfinished imports and deletions.

        Other files that the database does not know stay, because the database may be an older copy. Returns
        how many groups were removed, and how many stay for this reason.
        """
        removed, unknown = await self._loose.remove_due(), 0
        async for keys in self._storage.key_shares():
            strays, others = await self._strays(keys) if keys else ([], 0)
            for key in strays:
                await self._storage.delete(key)
            removed += len(strays)
            unknown += others
        return removed, unknown

    async def _strays(self, stored: Collection[str]) -> tuple[list[str], int]:
        """Return which keys of a share may be deleted, and how many belong to nothing that is known."""
        # Read after the storage, and in this order. What any host publishes from now on is not in the share;
        # what it was about to publish is held, or has got its sound by the time that those are read.
        held = await self._leases.held_storage_keys() | await self._speech_leases.held_storage_keys()
        held |= await self._loose.in_hand()
        generation_ids = {key: key.partition("-")[0] for key in stored}
        first, last = min(generation_ids.values()), max(generation_ids.values())
        between = (Upload.upload_id >= first) & (Upload.upload_id <= last)
        held |= set(await Upload.select(Upload.storage_key).where(between).output(as_list=True))
        rows = await queries.owned_keys(self._database, first, last)
        owned = {row["storage_key"] for row in rows if row["storage_key"]}
        fences = {row["generation_id"]: row["fence"] for row in rows if row["fence"]}
        ownerless = set(stored) - held - owned
        numbers = {key: int(key.partition("-")[2]) for key in ownerless}
        strays = [key for key, number in numbers.items() if number <= fences.get(generation_ids[key], 0)]
        return strays, len(ownerless) - len(strays)

    async def remove_loose(self) -> int:
        """Delete the files of deleted sounds, and of unfinished imports, that are there still."""
        return await self._loose.remove_due()

    async def remove_unless_owned(self, storage_key: str) -> None:
        """Delete one group of files unless a sound, or a voice's sample, has it."""
        await self._loose.remove([storage_key])

    async def _file(self, generation_id: str, name: str, missing: str) -> FileName:
        row = await Sound.select(Sound.storage_key).where(Sound.generation_id == generation_id).first()
        if row is None:
            raise NotFound(missing)
        return FileName(row["storage_key"], name)
