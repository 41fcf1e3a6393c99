"""Transactions in which an admin changes what others may do."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from webapp.database import Database
from webapp.errors import AuthenticationRequired
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.queue.lock import queue_transition


@asynccontextmanager
async def ruling(database: Database, accounts: Accounts, identity: Identity) -> AsyncIterator[None]:
    """Open a transaction in which the author is still an admin: two cannot demote each other at once."""
    async with queue_transition(database, visible=False):
        author = await accounts.get(identity.account_id)
        require_admin(author.identity)
        if author.is_disabled:
            raise AuthenticationRequired
        yield
