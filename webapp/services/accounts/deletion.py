"""Deletion of an account and everything that belongs to it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from webapp.database import Database
from webapp.events import Bus, Event, access_changed
from webapp.services.accounts.accounts import Accounts
from webapp.services.queue.lock import queue_transition
from webapp.services.shared.essential import essential
from webapp.services.shared.loose_files import LooseGroups


class AccountDeletion:
    """Deletes an account's rows and the files of its sounds."""

    def __init__(self, database: Database, accounts: Accounts, loose: LooseGroups, bus: Bus) -> None:
        self._database = database
        self._accounts = accounts
        self._loose = loose
        self._bus = bus

    @essential
    async def delete(self, account_id: int) -> None:
        """Delete an account for good. Raises NotFound.

        Files that a crash leaves behind after the account is gone are removed by any server.
        """
        async with self.deleting(account_id):
            pass

    @asynccontextmanager
    async def deleting(self, account_id: int) -> AsyncIterator[None]:
        """Delete an account's rows in one transaction with the block, and then the files. Raises NotFound."""
        async with queue_transition(self._database):
            await self._loose.doom_unwritten(account_id)
            deleted = await self._accounts.delete(account_id)
            await self._loose.doom(deleted.storage_keys)
            yield
        self._bus.publish(Event("queue"), Event("library"), access_changed(account_id))
        await self._loose.remove(deleted.storage_keys)
