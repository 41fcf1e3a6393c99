"""Whether there is room for another sound."""

from webapp.database import Database
from webapp.errors import StorageFull
from webapp.settings import Settings
from webapp.storage import Storage

MB = 1_000_000


class StorageGuard:
    """Refuses new jobs when an account, all sounds together or the disk have reached their limit."""

    def __init__(self, database: Database, settings: Settings, storage: Storage) -> None:
        self._database = database
        self._settings = settings
        self._storage = storage

    async def check(self, account_id: int) -> None:
        """Raise StorageFull, saying what is full, if the account's next sound may not be stored."""
        free_bytes = await self._storage.free_bytes()
        if free_bytes is not None and free_bytes < self._settings.disk_reserve_mb * MB:
            raise StorageFull("The server's disk is almost full, so no new sounds can be made for now")
        rows = await self._database.fetch(
            "SELECT COALESCE(SUM(bytes_total), 0) AS everyone,"
            " COALESCE(SUM(CASE WHEN account = {} THEN bytes_total ELSE 0 END), 0) AS own FROM sound",
            account_id,
        )
        if rows[0]["own"] >= self._settings.account_storage_mb * MB:
            raise StorageFull("Your storage is full; delete sounds you no longer need and try again")
        if rows[0]["everyone"] >= self._settings.storage_mb * MB:
            raise StorageFull("The server's storage is full, so no new sounds can be made for now")
