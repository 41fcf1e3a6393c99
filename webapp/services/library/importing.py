"""Imports of sounds that were exported elsewhere. An import never overwrites anything."""

from pathlib import Path

from webapp.errors import StorageFull, Unavailable
from webapp.events import Event
from webapp.policy.library.fields import SoundChange
from webapp.policy.library.imports import SoundEntry
from webapp.services.library import queries
from webapp.services.library.adding import NewSound, add_sound
from webapp.services.library.sounds import SoundFacts
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.loose_files import LooseGroups


class Importer:
    """Adds sounds under the ids that they had. They are private unless whoever imports publishes them."""

    def __init__(self, base: Foundation, loose: LooseGroups, storage_guard: StorageGuard) -> None:
        self._database = base.database
        self._storage = base.storage
        self._clock = base.clock
        self._bus = base.bus
        self._loose = loose
        self._storage_guard = storage_guard

    async def require_capacity(self, account_id: int) -> None:
        """Raise StorageFull where a new job of the account would be refused for lack of storage."""
        full = await self._storage_guard.full([account_id])
        if account_id in full:
            raise StorageFull(full[account_id])

    async def is_known(self, sound_id: str) -> bool:
        """Look for a sound with this id, or one that is still to be made. A deleted one may return."""
        return await queries.is_sound_id_taken(self._database, sound_id)

    async def add(
        self,
        account_id: int,
        entry: SoundEntry,
        change: SoundChange,
        facts: SoundFacts,
        staged: Path,
        *,
        created_ms: int,
        is_public: bool,
    ) -> bool:
        """Publish the files and add the sound; False, and nothing left, if the id is known by now.

        The files are loose until the sound is there: should this process end in between, any server removes
        them. Raises Unavailable when they took so long to publish that one did, and StorageAway.
        """
        # Beyond the number of any attempt at a job, and another one each time.
        key = f"{entry.id}-{self._clock.now_ms()}"
        new = NewSound(
            sound_id=entry.id,
            account_id=account_id,
            storage_key=key,
            model=entry.model,
            prompt=entry.prompt,
            is_loopable=entry.loopable,
            title=change.title or "",
            tags=change.tags or (),
            is_public=is_public,
        )
        await self._loose.announce(key)
        await self._storage.publish(key, staged)
        async with self._database.transaction():
            is_known = await self.is_known(entry.id)
            is_added = not is_known and await self._loose.settle(key)
            if is_added:
                await add_sound(new, facts, created_ms)
            else:
                await self._loose.doom([key])
        if not is_added:
            await self._loose.remove([key])
            if is_known:
                return False
            raise Unavailable(f"{entry.id} took too long to store; try again")
        self._bus.publish(Event("library"))
        return True
