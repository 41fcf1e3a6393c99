"""Deleting an account with everything of it."""

from webapp.database import Database
from webapp.events import Bus, Event, access_changed
from webapp.services.accounts.accounts import Accounts
from webapp.storage import Storage


class AccountDeletion:
    """Removes what the database knows of an account, and the files of its sounds."""

    def __init__(self, database: Database, accounts: Accounts, storage: Storage, bus: Bus) -> None:
        self._database = database
        self._accounts = accounts
        self._storage = storage
        self._bus = bus

    async def delete(self, account_id: int) -> None:
        """Delete an account for good. Raises NotFound.

        What a crash leaves of its files once the account is gone is removed by the next start.
        """
        rows = await self._database.fetch("SELECT storage_key FROM sound WHERE account = {}", account_id)
        for row in rows:
            await self._storage.loosen(row["storage_key"])
        deleted = await self._accounts.delete(account_id)
        self._bus.publish(Event("queue"), Event("library"), access_changed(account_id))
        for key in deleted.storage_keys:
            await self._storage.delete(key)
