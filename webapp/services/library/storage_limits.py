"""Limits on the storage that sounds take."""

from collections.abc import Collection, Mapping
from typing import Final

from webapp.database import Database
from webapp.services.library import queries
from webapp.settings import Settings
from webapp.storage import Storage

MB: Final = 1_000_000
DISK_FULL: Final = "The server's disk is almost full, so no new sounds can be made for now"
ACCOUNT_FULL: Final = "Your storage is full; delete sounds you no longer need and try again"
STORAGE_FULL: Final = "The server's storage is full, so no new sounds can be made for now"


class StorageGuard:
    """Refuses new jobs when an account, all sounds together or the disk have reached their limit."""

    def __init__(self, database: Database, settings: Settings, storage: Storage) -> None:
        self._database = database
        self._settings = settings
        self._storage = storage

    async def full(self, account_ids: Collection[int]) -> Mapping[int, str]:
        """Give the reason why the next sound may not be stored, for each account where it may not."""
        free_bytes = await self._storage.free_bytes()
        if free_bytes is not None and free_bytes < self._settings.disk_reserve_mb * MB:
            return dict.fromkeys(account_ids, DISK_FULL)
        stored = await queries.stored_bytes(self._database, account_ids)
        everyone_full = stored[None] >= self._settings.storage_mb * MB
        account_limit = self._settings.account_storage_mb * MB
        return {
            account_id: ACCOUNT_FULL if stored[account_id] >= account_limit else STORAGE_FULL
            for account_id in account_ids
            if everyone_full or stored[account_id] >= account_limit
        }
