"""The one-time link behind which the first admin's account is made."""

from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotAuthorized
from webapp.ids import Ids, secret_hash
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.shared.essential import essential
from webapp.tables import Account, SetupLink

LINK_ID: Final = 1
NOT_VALID: Final = "This set-up link is no longer valid; restart Soundloom to get a new one"


class SetupLinks:
    """At most one link is open, and none once there is an admin who can sign in."""

    def __init__(self, database: Database, clock: Clock, ids: Ids, accounts: Accounts) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._accounts = accounts

    @essential
    async def renew(self) -> str | None:
        """At a start with no admin: the secret of a fresh link, which voids the one before.

        None when there is an admin; then no link is in force.
        """
        if await self._has_admin() and not await SetupLink.exists():
            # As at almost every start: nothing is written.
            return None
        async with self._database.transaction():
            await SetupLink.delete().where(SetupLink.id == LINK_ID)
            if await self._has_admin():
                return None
            secret = self._ids.secret()
            # Two servers on one PostgreSQL may start together: the later link is the one in force.
            await self._database.fetch(
                "INSERT INTO setup_link (id, secret_hash, created_ms) VALUES ({}, {}, {}) ON CONFLICT (id)"
                " DO UPDATE SET secret_hash = excluded.secret_hash, created_ms = excluded.created_ms",
                LINK_ID,
                secret_hash(secret),
                self._clock.now_ms(),
            )
        return secret

    async def is_open(self, secret: str) -> bool:
        """Whether a link is in force and this is its secret."""
        found = await SetupLink.exists().where(SetupLink.secret_hash == secret_hash(secret))
        return found and not await self._has_admin()

    async def claim(self, secret: str, username: object, password: object) -> Identity:
        """Make the first admin's account and void the link, in one transaction.

        Raises NotAuthorized when the link is not in force, InvalidRequest for what cannot be a username
        or password, and Conflict for a name that is taken; the link then stays.
        """
        if not await self.is_open(secret):
            raise NotAuthorized(NOT_VALID)
        new = await self._accounts.prepare(username, password)
        async with self._database.transaction():
            deleted = (
                await SetupLink.delete()
                .where(SetupLink.secret_hash == secret_hash(secret))
                .returning(SetupLink.id)
            )
            if not deleted or await self._has_admin():
                raise NotAuthorized(NOT_VALID)
            return await self._accounts.insert(new, is_admin=True)

    async def _has_admin(self) -> bool:
        return await Account.exists().where(Account.is_admin.eq(True) & Account.is_disabled.eq(False))
