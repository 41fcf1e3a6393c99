"""The one-time link that creates the first admin's account."""

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
        """Replace the link at a start without an admin; return the new one's secret.

        Return None when there is an admin; then no link is valid.
        """
        if await self._has_admin() and not await SetupLink.exists():
            # The usual case at a start: write nothing.
            return None
        async with self._database.transaction():
            await SetupLink.delete().where(SetupLink.id == LINK_ID)
            if await self._has_admin():
                return None
            secret = self._ids.secret()
            # Two servers on one PostgreSQL may start together; the later link is the valid one.
            link = SetupLink(id=LINK_ID, secret_hash=secret_hash(secret), created_ms=self._clock.now_ms())
            await SetupLink.insert(link).on_conflict(
                target=SetupLink.id,
                action="DO UPDATE",
                values=[SetupLink.secret_hash, SetupLink.created_ms],
            )
        return secret

    async def is_needed(self) -> bool:
        """Check whether there is no admin yet who can sign in."""
        return not await self._has_admin()

    async def is_open(self, secret: str) -> bool:
        """Check whether a link is valid and this is its secret."""
        found = await SetupLink.exists().where(SetupLink.secret_hash == secret_hash(secret))
        return found and not await self._has_admin()

    async def claim(self, secret: str, username: object, password: object) -> Identity:
        """Create the first admin's account and void the link, in one transaction.

        Raises NotAuthorized when the link is not valid, InvalidRequest for an invalid username or password,
        and Conflict for a name that is taken; the link then stays valid.
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
