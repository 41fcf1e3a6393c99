"""Invitations: one-time links by which people create their own accounts."""

from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import Conflict, InvalidRequest, NotAuthorized, NotFound
from webapp.ids import Ids, secret_hash
from webapp.policy.accounts.credentials import checked_username, username_key
from webapp.services.accounts.accounts import Accounts, check_tier
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sign_in_limits import AccountLimits
from webapp.services.admin.audit_log import AuditLog
from webapp.services.shared.row_ids import is_row_id
from webapp.tables import Account, Invitation

LIFETIME_MS: Final = 7 * 86_400_000
MAX_OPEN: Final = 200
NOT_VALID: Final = "This invitation is no longer valid; ask for a new one"


@dataclass(frozen=True, slots=True)
class InvitationView:
    """An open invitation; its secret is not stored. `username` is empty where the guest chooses it."""

    invitation_id: int
    username: str
    tier: str
    author: str
    created_ms: int
    expires_ms: int


class Invitations:
    """Each invitation is for one account, is valid for LIFETIME_MS, and can be withdrawn."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        accounts: Accounts,
        limits: AccountLimits,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._accounts = accounts
        self._limits = limits
        self._audit = audit

    async def issue(self, username: str, tier: str, *, author: str) -> tuple[str, InvitationView]:
        """Make an invitation, in the caller's transaction; return its secret and its view.

        An empty `username` leaves the choice to the guest. Expired invitations are removed. Raises
        InvalidRequest for an invalid name or an unknown tier and when MAX_OPEN invitations are open, and
        Conflict for a name that is taken or invited already.
        """
        name = checked_username(username) if username else ""
        check_tier(tier)
        now_ms = self._clock.now_ms()
        await Invitation.delete().where(Invitation.expires_ms <= now_ms)
        if name:
            await self._check_free(name)
        if await Invitation.count() >= MAX_OPEN:
            raise InvalidRequest(
                f"At most {MAX_OPEN} invitations can be open; withdraw one that is not needed"
            )
        secret = self._ids.secret()
        row = Invitation(
            secret_hash=secret_hash(secret),
            username=name,
            tier=tier,
            author=author,
            created_ms=now_ms,
            expires_ms=now_ms + LIFETIME_MS,
        )
        await Invitation.insert(row)
        return secret, InvitationView(row.id, name, tier, author, now_ms, row.expires_ms)

    async def open(self) -> tuple[InvitationView, ...]:
        """Return the invitations that can still be accepted, newest first."""
        rows = await (
            Invitation.select(*_COLUMNS)
            .where(Invitation.expires_ms > self._clock.now_ms())
            .order_by(Invitation.id, ascending=False)
        )
        return tuple(InvitationView(**row) for row in rows)

    async def withdraw(self, invitation_id: int) -> str:
        """Void an invitation; return the username that it was for. Raises NotFound for one that is gone."""
        is_this = Invitation.id == invitation_id
        rows = (
            await Invitation.delete().where(is_this).returning(Invitation.username)
            if is_row_id(invitation_id)
            else []
        )
        if not rows:
            raise NotFound("This invitation was accepted, withdrawn or has expired")
        name: str = rows[0]["username"]
        return name

    async def find(self, secret: str) -> InvitationView | None:
        """Return the open invitation that has this secret."""
        row = await (
            Invitation.select(*_COLUMNS)
            .where(
                (Invitation.secret_hash == secret_hash(secret))
                & (Invitation.expires_ms > self._clock.now_ms())
            )
            .first()
        )
        return InvitationView(**row) if row else None

    async def accept(self, secret: str, username: object, password: object, *, address: str) -> Identity:
        """Create the guest's account and void the invitation, in one transaction.

        `username` counts only where the invitation names none. Raises NotAuthorized when the invitation is
        not valid, and InvalidRequest, Conflict and LimitReached as registration does; the invitation then
        stays valid. Accounts made here do not count for the address's limit on registrations.
        """
        invitation = await self.find(secret)
        if invitation is None:
            raise NotAuthorized(NOT_VALID)
        await self._limits.check_taken_names(address)
        new = await self._accounts.prepare(invitation.username or username, password)
        try:
            async with self._database.transaction():
                deleted = (
                    await Invitation.delete()
                    .where(
                        (Invitation.id == invitation.invitation_id)
                        & (Invitation.expires_ms > self._clock.now_ms())
                    )
                    .returning(Invitation.id)
                )
                if not deleted:
                    raise NotAuthorized(NOT_VALID)
                identity = await self._accounts.insert(new, tier=invitation.tier)
                await self._audit.record(
                    identity.username,
                    "accept invitation",
                    (identity.username,),
                    detail=f"invited by {invitation.author}",
                )
        except Conflict as error:
            if invitation.username:
                # Somebody else took the name meanwhile, and the guest can choose no other.
                raise NotAuthorized(NOT_VALID) from error
            await self._limits.count_taken_name(address)
            raise
        return identity

    async def _check_free(self, name: str) -> None:
        if await Account.exists().where(Account.username_key == username_key(name)):
            raise Conflict("That username is taken")
        rows = await Invitation.select(Invitation.username).where(Invitation.username != "")
        if username_key(name) in {username_key(row["username"]) for row in rows}:
            raise Conflict("There is an open invitation for that username; withdraw it first")


_COLUMNS: Final = (
    Invitation.id.as_alias("invitation_id"),
    Invitation.username,
    Invitation.tier,
    Invitation.author,
    Invitation.created_ms,
    Invitation.expires_ms,
)
