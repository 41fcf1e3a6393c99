"""Accounts: registration, authentication, and the changes that owners and operators make."""

from contextlib import suppress
from typing import Any, Final

from piccolo.columns.combination import Where

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import PASSING
from webapp.errors import (
    AuthenticationRequired,
    Conflict,
    InvalidRequest,
    NotAuthorized,
    NotFound,
    ProductError,
)
from webapp.events import Bus, LocalBus, access_changed
from webapp.policy.accounts.credentials import (
    checked_password,
    checked_text,
    checked_username,
    is_plain_line,
    username_key,
)
from webapp.policy.accounts.tiers import DEFAULT_TIER, TIER_NAMES
from webapp.services.accounts.account_document import account_document
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.passwords import PasswordHasher
from webapp.services.accounts.sign_in_limits import AccountLimits
from webapp.services.accounts.views import (
    ACCOUNT_COLUMNS,
    AccountView,
    DeletedAccount,
    NewAccount,
    account_view,
    identity_of,
)
from webapp.services.queue.lock import queue_transition
from webapp.services.shared.essential import essential, even_if_full
from webapp.services.shared.rate_limits import LimitUsage, RateLimits
from webapp.settings import Settings
from webapp.tables import Account, Sound, Upload, WebSession

WRONG_CREDENTIALS: Final = "Wrong username or password"


class Accounts:
    """Every rule about accounts. Usernames are unique without regard to case."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        rate_limits: RateLimits,
        hasher: PasswordHasher,
        bus: Bus | None = None,
    ) -> None:
        """Without a bus, open streams notice a disabled account only at their next own check."""
        self._database = database
        self._clock = clock
        self._settings = settings
        self.limits = AccountLimits(settings, rate_limits)
        self._hasher = hasher
        self._bus = bus or LocalBus(clock)

    # --- registration

    async def register(self, username: object, password: object, *, address: str) -> Identity:
        """Register an account from a client address.

        Raises NotAuthorized (registration is closed), InvalidRequest with the field, LimitReached, and
        Conflict for a name that is taken. The address's limits count created accounts and, separately, names
        that turned out to be taken.
        """
        if self._settings.registration == "closed":
            raise NotAuthorized("Registration is closed")
        name, secret = checked_username(username), checked_password(password)
        await self.limits.check_registration(address)
        async with self._hasher.slot() as slot:
            hit = await self.limits.count_registration(address)
            try:
                if await self._row(name) is not None:
                    raise _taken()
                return await self.insert(NewAccount(name, await slot.hash(secret)))
            except ProductError as error:
                await self.limits.forget(hit)
                if isinstance(error, Conflict):
                    await self.limits.count_taken_name(address)
                raise

    async def registration_usage(self, address: str) -> LimitUsage:
        """Return how much of its registration limit an address has used."""
        return await self.limits.registration_usage(address)

    async def prepare(self, username: object, password: object) -> NewAccount:
        """Check a username and a password and hash the password; not to be called inside a transaction."""
        name, secret = checked_username(username), checked_password(password)
        async with self._hasher.slot() as slot:
            return NewAccount(name, await slot.hash(secret))

    async def insert(self, new: NewAccount, *, tier: str = DEFAULT_TIER, is_admin: bool = False) -> Identity:
        """Store a prepared account, in the caller's transaction if there is one.

        Raises Conflict for a name that is taken, and InvalidRequest for an unknown tier.
        """
        check_tier(tier)
        row = Account(
            username=new.username,
            username_key=username_key(new.username),
            password_hash=new.password_hash,
            tier=tier,
            is_admin=is_admin,
            created_ms=self._clock.now_ms(),
        )
        rows = await (
            Account.insert(row)
            .on_conflict(target=Account.username_key, action="DO NOTHING")
            .returning(Account.id)
        )
        if not rows:
            raise _taken()
        return identity_of(rows[0]["id"], new.username, tier, is_admin=is_admin)

    # --- authentication

    async def authenticate(self, username: object, password: object, *, address: str) -> Identity:
        """Return the account that has this username and password.

        A wrong name, a wrong password and a disabled account raise the same AuthenticationRequired after
        the same work. Raises LimitReached after too many failures for the name or from the address,
        and InvalidRequest when one of the two is missing.
        """
        name = checked_text(username, "Username", "username")
        secret = checked_text(password, "Password", "password")
        row = await self._prove(name, secret, address)
        if row is None:
            raise AuthenticationRequired(WRONG_CREDENTIALS)
        return identity_of(row["id"], row["username"], row["tier"], is_admin=bool(row["is_admin"]))

    async def sign_in_usage(self, username: object, address: str) -> tuple[LimitUsage, LimitUsage]:
        """Return how much of the limits on failed sign-ins is used: the account's, then the address's."""
        return await self.limits.sign_in_usage(username if isinstance(username, str) else "", address)

    async def confirm_password(self, account_id: int, password: object, *, address: str) -> None:
        """Check that the holder of a session also knows the password.

        Raises InvalidRequest when it is wrong, and LimitReached as a sign-in would.
        """
        account = await self.get(account_id)
        secret = checked_text(password, "Current password", "current_password")
        if await self._prove(account.username, secret, address) is None:
            raise InvalidRequest("Current password is wrong", field="current_password")

    async def _prove(self, username: str, password: str, address: str) -> dict[str, Any] | None:
        """Return the row of the account that these belong to, or None. Only failures are counted."""
        await self.limits.check_sign_in(username, address)
        async with self._hasher.slot() as slot:
            # Count before the attempt and take the count back after a success, so that concurrent requests
            # cannot try more passwords than the limit allows.
            hits = await even_if_full(self._database, lambda: self.limits.count_sign_in(username, address))
            row = await self._row(username)
            verdict = await slot.verify(row["password_hash"] if row else None, password)
            if row is None or not verdict.is_right or row["is_disabled"]:
                return None
            # Still within the slot, so that correct passwords that arrive together do not exhaust the limit.
            await even_if_full(self._database, lambda: self.limits.forget(*hits))
        if verdict.rehashed is not None:
            # If this fails, a later sign-in will store the new hash.
            with suppress(*PASSING):
                await Account.update({Account.password_hash: verdict.rehashed}).where(
                    (Account.id == row["id"]) & (Account.password_hash == row["password_hash"])
                )
        return row

    async def _row(self, username: str) -> dict[str, Any] | None:
        try:
            key = username_key(checked_username(username))
        except InvalidRequest:
            # No account has such a name; query all the same so that the answer takes as long.
            key = ""
        return await Account.select().where(Account.username_key == key).first()

    # --- look-ups

    async def get(self, account_id: int) -> AccountView:
        """Return an account by its id. Raises NotFound."""
        return await self._view(Account.id == account_id, "Account not found")

    async def find(self, username: str) -> AccountView:
        """Return an account by its name, regardless of case. Raises NotFound."""
        missing = "There is no account of that name"
        if not is_plain_line(username):
            # It may contain characters that no database accepts.
            raise NotFound(missing)
        return await self._view(Account.username_key == username_key(username), missing)

    async def identity(self, account_id: int) -> Identity:
        """Return an account's identity. Raises AuthenticationRequired when it is gone or disabled."""
        try:
            account = await self.get(account_id)
        except NotFound:
            raise AuthenticationRequired from None
        if account.is_disabled:
            raise AuthenticationRequired
        return account.identity

    async def list(self) -> tuple[AccountView, ...]:
        """Return every account, by name."""
        rows = await Account.select(*ACCOUNT_COLUMNS).order_by(Account.username_key)
        return tuple(account_view(row) for row in rows)

    async def export(self, account_id: int) -> dict[str, Any]:
        """Return everything that is stored about an account; see `account_document`. Raises NotFound."""
        return await account_document(account_id)

    async def _view(self, condition: Where, missing: str) -> AccountView:
        row = await Account.select(*ACCOUNT_COLUMNS).where(condition).first()
        if row is None:
            raise NotFound(missing)
        return account_view(row)

    # --- changes

    async def change_password(
        self, account_id: int, current: object, new: object, *, address: str, keep_session_id: int | None
    ) -> None:
        """Change a password, given the current one, and end every session except the one named.

        Tokens stay valid, so that programs keep working; each can be revoked on its own. Raises
        InvalidRequest with the field, and LimitReached as a sign-in would.
        """
        checked_password(new, field="new_password")
        await self.confirm_password(account_id, current, address=address)
        await self.set_password(account_id, new, keep_session_id=keep_session_id, field="new_password")

    @essential
    async def set_password(
        self, account_id: int, new: object, *, keep_session_id: int | None = None, field: str = "password"
    ) -> None:
        """Set a password without the current one, and end every session except the one named."""
        secret = checked_password(new, field=field)
        async with self._hasher.slot() as slot:
            hashed = await slot.hash(secret)
        async with self._database.transaction():
            await self._update(account_id, {Account.password_hash: hashed})
            await self._end_sessions(account_id, keep_session_id)
        self._bus.publish(access_changed(account_id))

    async def set_tier(self, account_id: int, tier: str) -> None:
        """Set an account's tier; jobs that are already queued keep their position."""
        check_tier(tier)
        await self._update(account_id, {Account.tier: tier})

    async def set_admin(self, account_id: int, *, is_admin: bool) -> None:
        """Grant or revoke an account's admin rights."""
        await self._update(account_id, {Account.is_admin: is_admin})
        self._bus.publish(access_changed(account_id))

    @essential
    async def disable(self, account_id: int) -> None:
        """Disable an account at once: sessions end, tokens stop working. Its jobs and sounds stay."""
        async with self._database.transaction():
            await self._update(account_id, {Account.is_disabled: True})
            await self._end_sessions(account_id, None)
        self._bus.publish(access_changed(account_id))

    async def enable(self, account_id: int) -> None:
        """Enable a disabled account again, with the password and the tokens it had."""
        await self._update(account_id, {Account.is_disabled: False})

    @essential
    async def delete(self, account_id: int) -> DeletedAccount:
        """Delete an account with its tokens, sessions, ledger, jobs and sounds.

        The caller deletes the files of its sounds and uploads, whose keys are returned. Raises NotFound.
        """
        # Its jobs leave the queue, so this is a queue transition.
        async with queue_transition(self._database):
            account = await self.get(account_id)
            keys = await storage_keys(account_id)
            await Account.delete().where(Account.id == account_id)
        return DeletedAccount(account.username, keys)

    async def _update(self, account_id: int, values: dict[Any, Any]) -> None:
        rows = await Account.update(values).where(Account.id == account_id).returning(Account.id)
        if not rows:
            raise NotFound("Account not found")

    async def _end_sessions(self, account_id: int, keep_session_id: int | None) -> None:
        query = WebSession.delete().where(WebSession.account == account_id)
        if keep_session_id is not None:
            query = query.where(WebSession.id != keep_session_id)
        await query


async def storage_keys(account_id: int) -> tuple[str, ...]:
    """Return the storage keys of an account's sounds and uploads."""
    rows = await Sound.select(Sound.storage_key).where(Sound.account == account_id)
    rows += await Upload.select(Upload.storage_key).where(Upload.account == account_id)
    return tuple(row["storage_key"] for row in rows)


def check_tier(tier: str) -> None:
    """Raise InvalidRequest for an unknown tier."""
    if tier not in TIER_NAMES:
        raise InvalidRequest(f"Tier must be one of {', '.join(TIER_NAMES)}", field="tier")


def _taken() -> Conflict:
    return Conflict("That username is taken")
