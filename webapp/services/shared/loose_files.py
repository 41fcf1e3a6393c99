"""Groups of files that are about to get a sound, or have lost theirs: nothing of them is left behind.

A row stands for each of them before the group is written, or from the transaction that deletes its sound. So
the database knows of every such group, whatever storage it is in and whichever host's process ends.
"""

import logging
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from itertools import islice
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import PASSING
from webapp.errors import StorageAway
from webapp.services.shared.leases import storage_key
from webapp.storage import Storage
from webapp.tables import Job, LooseFiles, Sound, SpeechRequest, Upload

logger: Final = logging.getLogger(__name__)

# Whoever writes a group has come to an end by then, slow as its storage may be.
WRITTEN_WITHIN_MS: Final = 15 * 60_000
AT_ONCE: Final = 500


class LooseGroups:
    """Keeps account of groups without a certain sound, and removes those that get none."""

    def __init__(self, database: Database, storage: Storage, clock: Clock) -> None:
        self._database = database
        self._storage = storage
        self._clock = clock

    async def announce(self, key: str) -> None:
        """Record that a group is about to be written."""
        async with self._database.transaction():
            await self._insert([key], self._clock.now_ms() + WRITTEN_WITHIN_MS, is_doomed=False)

    async def settle(self, key: str) -> bool:
        """Give a group to the sound that the caller's transaction inserts; False if it was removed since."""
        rows = await (
            LooseFiles.delete()
            .where(LooseFiles.storage_key == key, LooseFiles.is_doomed.eq(False))
            .returning(LooseFiles.storage_key)
        )
        return bool(rows)

    async def doom(self, keys: Sequence[str]) -> None:
        """Record, in the transaction that deletes their rows, that these groups are to go."""
        await self._insert(keys, self._clock.now_ms(), is_doomed=True)

    async def doom_unwritten(self, account_id: int) -> None:
        """Do the same for the groups that workers may be about to write for an account."""
        keys: list[str] = []
        tables: tuple[type[Job] | type[SpeechRequest], ...] = (Job, SpeechRequest)
        for table in tables:
            rows = await table.select(table.generation_id, table.fence).where(
                table.account == account_id, table.status == "processing"
            )
            keys += [storage_key(row["generation_id"], row["fence"]) for row in rows]
        await self._insert(keys, self._clock.now_ms() + WRITTEN_WITHIN_MS, is_doomed=True)

    async def remove(self, keys: Sequence[str]) -> int:
        """Remove groups, but none that is owned; returns how many of these are no longer loose.

        While the storage is away they are left to `remove_due`.
        """
        owned: set[str] = set()
        for batch in _batches(keys):
            owned |= await _owned(batch)
        removed = sorted(owned)
        try:
            for key in set(keys) - owned:
                if await self._is_deleted(key):
                    removed.append(key)
        except StorageAway as error:
            logger.warning("files are deleted later: the storage is away", extra={"reason": error.reason})
        # What cannot be written now is left to `remove_due` as well.
        with suppress(*PASSING):
            await self._forget(removed)
        return len(removed)

    async def _is_deleted(self, key: str) -> bool:
        """Delete a group; one whose files cannot be deleted does not keep the others. Raises StorageAway."""
        try:
            await self._storage.delete(key)
        except OSError:
            logger.exception("files cannot be deleted; trying again later", extra={"group": key})
            return False
        return True

    async def remove_due(self) -> int:
        """Remove the groups whose time is up and that have no sound; returns how many."""
        now_ms = self._clock.now_ms()
        due = LooseFiles.until_ms <= now_ms
        if not await LooseFiles.select(LooseFiles.storage_key).where(due).limit(1):
            return 0
        async with self._database.transaction():
            await LooseFiles.update({LooseFiles.is_doomed: True}).where(due)
        keys = await LooseFiles.select(LooseFiles.storage_key).where(due).output(as_list=True)
        removed = 0
        for batch in _batches(keys):
            done = await self.remove(batch)
            removed += done
            if done < len(batch):
                break
        return removed

    async def in_hand(self) -> set[str]:
        """Return the keys of groups that may still get a sound."""
        rows = await LooseFiles.select(LooseFiles.storage_key).where(LooseFiles.is_doomed.eq(False))
        return {row["storage_key"] for row in rows}

    async def _insert(self, keys: Collection[str], until_ms: int, *, is_doomed: bool) -> None:
        for batch in _batches(keys):
            rows = [LooseFiles(storage_key=key, until_ms=until_ms, is_doomed=is_doomed) for key in batch]
            await LooseFiles.insert(*rows).on_conflict(
                target=LooseFiles.storage_key,
                action="DO UPDATE",
                values=[LooseFiles.until_ms, LooseFiles.is_doomed],
            )

    async def _forget(self, keys: Collection[str]) -> None:
        if not keys:
            return
        async with self._database.transaction(durable=False):
            for batch in _batches(keys):
                await LooseFiles.delete().where(LooseFiles.storage_key.is_in(batch))


async def _owned(keys: list[str]) -> set[str]:
    """Return which of these groups a sound has, an upload, or a voice's sample."""
    uploads = await Upload.select(Upload.storage_key).where(Upload.storage_key.is_in(keys))
    sounds = await Sound.select(Sound.storage_key).where(Sound.storage_key.is_in(keys))
    samples = await SpeechRequest.select(SpeechRequest.generation_id, SpeechRequest.fence).where(
        SpeechRequest.generation_id.is_in([key.partition("-")[0] for key in keys]),
        SpeechRequest.account.is_null(),
        SpeechRequest.status == "completed",
    )
    owned = {storage_key(row["generation_id"], row["fence"]) for row in samples}
    return {row["storage_key"] for row in (*sounds, *uploads)} | (owned & set(keys))


def _batches(keys: Iterable[str]) -> Iterable[list[str]]:
    """Split keys into as many as one statement may have."""
    left = iter(keys)
    return iter(lambda: list(islice(left, AT_ONCE)), [])
