"""An account as a plain value."""

from dataclasses import dataclass
from typing import Any, Final

from piccolo.columns import Column

from webapp.policy.accounts.tiers import effective_tier
from webapp.services.accounts.identity import Identity
from webapp.tables import Account


@dataclass(frozen=True, slots=True)
class AccountView:
    """An account as its owner and operators see it. `tier` is the assigned one, for admins too."""

    account_id: int
    username: str
    tier: str
    is_admin: bool
    is_disabled: bool
    aura_balance: int
    created_ms: int

    @property
    def identity(self) -> Identity:
        """The identity of this account when it is signed in."""
        return identity_of(self.account_id, self.username, self.tier, is_admin=self.is_admin)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """A checked username and the hash of a checked password, ready to become an account."""

    username: str
    password_hash: str


@dataclass(frozen=True, slots=True)
class DeletedAccount:
    """A deleted account, with the storage keys of the files that are still to be removed."""

    username: str
    storage_keys: tuple[str, ...]


# The columns that `account_view` reads.
ACCOUNT_COLUMNS: Final[tuple[Column, ...]] = (
    Account.id.as_alias("account_id"),
    Account.username,
    Account.tier,
    Account.is_admin,
    Account.is_disabled,
    Account.aura_balance,
    Account.created_ms,
)


def account_view(row: dict[str, Any]) -> AccountView:
    """Build the view from a row of ACCOUNT_COLUMNS."""
    return AccountView(**{**row, "is_admin": bool(row["is_admin"]), "is_disabled": bool(row["is_disabled"])})


def identity_of(account_id: int, username: str, tier: str, *, is_admin: bool) -> Identity:
    """Build the identity of an account that has signed in."""
    return Identity(account_id, username, effective_tier(tier, is_admin=is_admin), is_admin)
