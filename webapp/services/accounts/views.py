"""An account as a plain value."""

from dataclasses import dataclass
from typing import Any, Final

from webapp.policy.tiers import effective_tier
from webapp.services.accounts.identity import Identity


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as its owner and operators see it. `tier` is the one it was given, also for an admin."""

    account_id: int
    username: str
    tier: str
    is_admin: bool
    is_disabled: bool
    aura_balance: int
    created_ms: int

    @property
    def identity(self) -> Identity:
        """What this account amounts to when it is signed in."""
        return identity_of(self.account_id, self.username, self.tier, is_admin=self.is_admin)


SELECT_ACCOUNT: Final = (
    "SELECT id AS account_id, username, tier, is_admin, is_disabled, aura_balance, created_ms FROM account"
)


def account_view(row: dict[str, Any]) -> AccountView:
    return AccountView(**{**row, "is_admin": bool(row["is_admin"]), "is_disabled": bool(row["is_disabled"])})


def identity_of(account_id: int, username: str, tier: str, *, is_admin: bool) -> Identity:
    return Identity(account_id, username, effective_tier(tier, is_admin=is_admin), is_admin)
