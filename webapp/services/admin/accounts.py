"""What admins do to accounts: each change on record, and none that would lock its author out."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from webapp.database import Database
from webapp.errors import AuthenticationRequired, InvalidRequest
from webapp.events import Bus, access_changed
from webapp.ids import Ids
from webapp.policy.credentials import username_key
from webapp.policy.tiers import TIER_NAMES
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.accounts.views import SELECT_ACCOUNT, AccountView, account_view
from webapp.services.admin.audit import AuditLog
from webapp.services.queue.lock import queue_transition
from webapp.services.shared.essential import essential

PAGE_SIZE: Final = 50
MAX_SEARCH_CHARACTERS: Final = 64
ONESELF: Final = "You cannot do this to your own account; ask another admin"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Part of a list of accounts, by name; `total` counts all that were found."""

    accounts: tuple[AccountView, ...]
    total: int
    page: int

    @property
    def has_more(self) -> bool:
        return self.page * PAGE_SIZE < self.total


class AccountAdmin:
    """Each call raises NotAuthorized for everybody but admins, and NotFound for no such account."""

    def __init__(
        self, database: Database, ids: Ids, bus: Bus, *, accounts: Accounts, aura: Aura, audit: AuditLog
    ) -> None:
        self._database = database
        self._ids = ids
        self._bus = bus
        self._accounts = accounts
        self._aura = aura
        self._audit = audit

    async def find(self, identity: Identity, *, text: str = "", tier: str = "", page: int = 1) -> AccountPage:
        """Accounts whose name contains a text; `tier` may also be `admin` or `disabled`."""
        require_admin(identity)
        like = username_key(text.strip()[:MAX_SEARCH_CHARACTERS]).replace("!", "!!")
        like = like.replace("%", "!%").replace("_", "!_")
        conditions, arguments = ["username_key LIKE {} ESCAPE '!'"], [f"%{like}%".replace("\x00", "")]
        if tier in TIER_NAMES:
            conditions.append("tier = {}")
            arguments.append(tier)
        elif tier in {"admin", "disabled"}:
            conditions.append(f"is_{tier}")
        where = f"WHERE {' AND '.join(conditions)}"
        rows = await self._database.fetch(
            f"{SELECT_ACCOUNT} {where} ORDER BY username_key LIMIT {{}} OFFSET {{}}",
            *arguments,
            PAGE_SIZE,
            (page - 1) * PAGE_SIZE,
        )
        total = await self._database.fetch(f"SELECT COUNT(*) AS total FROM account {where}", *arguments)
        return AccountPage(tuple(account_view(row) for row in rows), int(total[0]["total"]), page)

    async def get(self, identity: Identity, username: str) -> AccountView:
        """An account by its name, in any case."""
        require_admin(identity)
        return await self._accounts.find(username)

    async def set_tier(self, identity: Identity, username: str, tier: str) -> None:
        """Give an account another tier. Raises InvalidRequest for an unknown one."""
        account = await self.get(identity, username)
        async with self._database.transaction():
            await self._accounts.set_tier(account.account_id, tier)
            await self._record(identity, "set tier", account, f"{account.tier} to {tier}")

    async def set_admin(self, identity: Identity, username: str, *, is_admin: bool) -> None:
        """Make an account an admin, or no longer one. Raises InvalidRequest for one's own."""
        account = await self._other(identity, username)
        async with self._ruling(identity):
            await self._accounts.set_admin(account.account_id, is_admin=is_admin)
            await self._record(identity, "make admin" if is_admin else "make no admin", account)
        # Again, now that it is committed.
        self._bus.publish(access_changed(account.account_id))

    @essential
    async def set_disabled(self, identity: Identity, username: str, *, is_disabled: bool) -> None:
        """Shut an account out at once, or let it in again. Raises InvalidRequest for one's own."""
        account = await self._other(identity, username)
        change = self._accounts.disable if is_disabled else self._accounts.enable
        async with self._ruling(identity):
            await change(account.account_id)
            await self._record(identity, "disable" if is_disabled else "enable", account)
        self._bus.publish(access_changed(account.account_id))

    async def reset_password(self, identity: Identity, username: str) -> str:
        """Give an account a new password, which is told this once; its sessions end, its tokens stay.

        Raises InvalidRequest for one's own, which is changed on the account page.
        """
        account = await self._other(identity, username)
        password = self._ids.secret()[:20]
        # Hashing takes its time, and holds no transaction meanwhile.
        await self._accounts.set_password(account.account_id, password)
        await self._record(identity, "reset password", account)
        return password

    async def grant(self, identity: Identity, username: str, amount: int, reason: str) -> int:
        """Give Aura, or take it away; returns the new balance. Raises InvalidRequest with the field."""
        account = await self.get(identity, username)
        async with self._database.transaction():
            balance = await self._aura.grant(
                account.account_id, amount, reason=reason, author=identity.username
            )
            await self._record(identity, "grant Aura", account, f"{amount:+,}: {reason.strip()}")
        return balance

    @asynccontextmanager
    async def _ruling(self, identity: Identity) -> AsyncIterator[None]:
        """A transaction in which whoever rules is still an admin: two cannot depose each other at once."""
        async with queue_transition(self._database, visible=False):
            author = await self._accounts.get(identity.account_id)
            require_admin(author.identity)
            if author.is_disabled:
                raise AuthenticationRequired
            yield

    async def _other(self, identity: Identity, username: str) -> AccountView:
        account = await self.get(identity, username)
        if account.account_id == identity.account_id:
            raise InvalidRequest(ONESELF)
        return account

    async def _record(self, identity: Identity, action: str, account: AccountView, detail: str = "") -> None:
        await self._audit.record(identity.username, action, (account.username,), detail=detail)
