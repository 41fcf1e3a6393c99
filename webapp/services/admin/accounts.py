"""Admin actions on accounts: each is audited, and none can lock its author out."""

from dataclasses import dataclass
from typing import Final

from piccolo.columns import Boolean
from piccolo.columns.combination import And, WhereRaw

from webapp.database import Database
from webapp.errors import InvalidRequest
from webapp.events import Bus, access_changed
from webapp.ids import Ids
from webapp.policy.accounts.credentials import username_key
from webapp.policy.accounts.tiers import TIER_NAMES
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.deletion import AccountDeletion
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.accounts.views import ACCOUNT_COLUMNS, AccountView, account_view
from webapp.services.admin.audit_log import AuditLog
from webapp.services.admin.queries import username_like
from webapp.services.admin.ruling import ruling
from webapp.services.shared.essential import essential
from webapp.tables import Account

PAGE_SIZE: Final = 50
MAX_SEARCH_CHARACTERS: Final = 64
_FLAGS: Final[dict[str, Boolean]] = {"admin": Account.is_admin, "disabled": Account.is_disabled}
ONESELF: Final = "You cannot do this to your own account; ask another admin"


@dataclass(frozen=True, slots=True)
class AccountPage:
    """One page of a list of accounts, by name; `total` counts all matches."""

    accounts: tuple[AccountView, ...]
    total: int
    page: int

    @property
    def has_more(self) -> bool:
        return self.page * PAGE_SIZE < self.total


class AccountAdmin:
    """Changes accounts on behalf of admins.

    Each call raises NotAuthorized unless an admin makes it, and NotFound for an unknown account.
    """

    def __init__(
        self,
        database: Database,
        ids: Ids,
        bus: Bus,
        *,
        accounts: Accounts,
        aura: Aura,
        audit: AuditLog,
        deletion: AccountDeletion,
    ) -> None:
        self._database = database
        self._ids = ids
        self._bus = bus
        self._accounts = accounts
        self._aura = aura
        self._audit = audit
        self._deletion = deletion

    async def find(self, identity: Identity, *, text: str = "", tier: str = "", page: int = 1) -> AccountPage:
        """Return the accounts whose name contains a text; `tier` may also be `admin` or `disabled`."""
        require_admin(identity)
        like = username_key(text.strip()[:MAX_SEARCH_CHARACTERS]).replace("!", "!!")
        like = like.replace("%", "!%").replace("_", "!_")
        condition: WhereRaw | And = username_like(f"%{like}%".replace("\x00", ""))
        if tier in TIER_NAMES:
            condition &= Account.tier == tier
        elif tier in _FLAGS:
            condition &= _FLAGS[tier].eq(True)
        rows = await (
            Account.select(*ACCOUNT_COLUMNS)
            .where(condition)
            .order_by(Account.username_key)
            .limit(PAGE_SIZE)
            .offset((page - 1) * PAGE_SIZE)
        )
        total = await Account.count().where(condition)
        return AccountPage(tuple(account_view(row) for row in rows), total, page)

    async def get(self, identity: Identity, username: str) -> AccountView:
        """Return an account by its name, regardless of case."""
        require_admin(identity)
        return await self._accounts.find(username)

    async def create(self, identity: Identity, username: object, tier: str) -> tuple[AccountView, str]:
        """Create an account; return it and its random password.

        Raises InvalidRequest for an invalid name or an unknown tier, and Conflict for a name that is taken.
        """
        require_admin(identity)
        password = self._ids.secret()[:20]
        new = await self._accounts.prepare(username, password)
        async with ruling(self._database, self._accounts, identity):
            made = await self._accounts.insert(new, tier=tier)
            account = await self._accounts.get(made.account_id)
            await self._record(identity, "create account", account, tier)
        return account, password

    @essential
    async def delete(self, identity: Identity, username: str) -> None:
        """Delete an account and all that belongs to it. Raises InvalidRequest for one's own account."""
        account = await self._other(identity, username)
        async with (
            self._deletion.deleting(account.account_id),
            ruling(self._database, self._accounts, identity),
        ):
            await self._record(identity, "delete account", account)

    async def set_tier(self, identity: Identity, username: str, tier: str) -> None:
        """Change an account's tier. Raises InvalidRequest for an unknown one."""
        account = await self.get(identity, username)
        async with self._database.transaction():
            await self._accounts.set_tier(account.account_id, tier)
            await self._record(identity, "set tier", account, f"{account.tier} to {tier}")

    async def set_admin(self, identity: Identity, username: str, *, is_admin: bool) -> None:
        """Grant or revoke admin rights. Raises InvalidRequest for one's own account."""
        account = await self._other(identity, username)
        async with ruling(self._database, self._accounts, identity):
            await self._accounts.set_admin(account.account_id, is_admin=is_admin)
            await self._record(identity, "make admin" if is_admin else "make no admin", account)
        # Publish again, now that the change is committed.
        self._bus.publish(access_changed(account.account_id))

    @essential
    async def set_disabled(self, identity: Identity, username: str, *, is_disabled: bool) -> None:
        """Disable an account at once, or enable it again. Raises InvalidRequest for one's own account."""
        account = await self._other(identity, username)
        change = self._accounts.disable if is_disabled else self._accounts.enable
        async with ruling(self._database, self._accounts, identity):
            await change(account.account_id)
            await self._record(identity, "disable" if is_disabled else "enable", account)
        self._bus.publish(access_changed(account.account_id))

    async def reset_password(self, identity: Identity, username: str) -> str:
        """Set and return a new random password; the account's sessions end, its tokens stay valid.

        Raises InvalidRequest for one's own account, whose password is changed on the account page.
        """
        account = await self._other(identity, username)
        password = self._ids.secret()[:20]
        # Hashing is slow, so it happens outside a transaction.
        await self._accounts.set_password(account.account_id, password)
        await self._record(identity, "reset password", account)
        return password

    async def grant(self, identity: Identity, username: str, amount: int, reason: str) -> int:
        """Grant Aura, or take it away; return the new balance. Raises InvalidRequest with the field."""
        account = await self.get(identity, username)
        async with self._database.transaction():
            balance = await self._aura.grant(
                account.account_id, amount, reason=reason, author=identity.username
            )
            await self._record(identity, "grant Aura", account, f"{amount:+,}: {reason.strip()}")
        return balance

    async def _other(self, identity: Identity, username: str) -> AccountView:
        account = await self.get(identity, username)
        if account.account_id == identity.account_id:
            raise InvalidRequest(ONESELF)
        return account

    async def _record(self, identity: Identity, action: str, account: AccountView, detail: str = "") -> None:
        await self._audit.record(identity.username, action, (account.username,), detail=detail)
