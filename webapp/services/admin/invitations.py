"""Admin actions on invitations: each is audited."""

from webapp.database import Database
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.accounts.invitations import Invitations, InvitationView
from webapp.services.admin.audit_log import AuditLog
from webapp.services.admin.ruling import ruling
from webapp.services.shared.essential import essential


class InvitationAdmin:
    """Makes and withdraws invitations. Each call raises NotAuthorized unless an admin makes it."""

    def __init__(
        self, database: Database, *, invitations: Invitations, accounts: Accounts, audit: AuditLog
    ) -> None:
        self._database = database
        self._invitations = invitations
        self._accounts = accounts
        self._audit = audit

    async def list(self, identity: Identity) -> tuple[InvitationView, ...]:
        """Return the open invitations, newest first."""
        require_admin(identity)
        return await self._invitations.open()

    async def create(self, identity: Identity, username: str, tier: str) -> tuple[str, InvitationView]:
        """Make an invitation; return its secret, which is not stored, and its view.

        With an empty `username` the guest chooses one. Raises InvalidRequest with the field, and Conflict.
        """
        require_admin(identity)
        async with ruling(self._database, self._accounts, identity):
            made = await self._invitations.issue(username, tier, author=identity.username)
            await self._record(identity, "invite", made[1].username, tier)
        return made

    @essential
    async def withdraw(self, identity: Identity, invitation_id: int) -> None:
        """Void an invitation before it is accepted. Raises NotFound for one that is gone."""
        require_admin(identity)
        async with ruling(self._database, self._accounts, identity):
            username = await self._invitations.withdraw(invitation_id)
            await self._record(identity, "withdraw invitation", username)

    async def _record(self, identity: Identity, action: str, username: str, detail: str = "") -> None:
        """Record an action; an invitation that names nobody has actions of its own in the log."""
        action = action if username else f"{action} by link"
        await self._audit.record(identity.username, action, (username,), detail=detail)
