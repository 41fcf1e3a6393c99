"""Deletion of an account and everything that belongs to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from webapp.database import Database
from webapp.events import Bus, Event, access_changed
from webapp.services.accounts.accounts import Accounts, storage_keys
from webapp.services.shared.essential import essential
from webapp.storage import Storage


class AccountDeletion:
    """Deletes an account's rows and the files of its sounds."""

    def __init__(self, database: Database, accounts: Accounts, storage: Storage, bus: Bus) -> None:
        self._database = database
        self._accounts = accounts
        self._storage = storage
        self._bus = bus

    @essential
    async def delete(self, account_id: int) -> None:
        """Delete an account for good. Raises NotFound.

        If a crash leaves files behind after the account is gone, the next start removes them.
        """
        async with self.deleting(account_id):
            pass

    @asynccontextmanager
    async def deleting(self, account_id: int) -> AsyncIterator[None]:
        """Delete an account's rows in one transaction with the block, and then the files. Raises NotFound."""
        for key in await storage_keys(account_id):
            await self._storage.loosen(key)
        async with self._database.transaction():
            deleted = await self._accounts.delete(account_id)
            yield
        self._bus.publish(Event("queue"), Event("library"), access_changed(account_id))
        for key in deleted.storage_keys:
            await self._storage.delete(key)
