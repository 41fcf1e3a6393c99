"""The identity that a valid session or token stands for."""

from dataclasses import dataclass

from webapp.errors import NotAuthorized


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in account. `tier` is the effective row of the tier table: `admin` for admins."""

    account_id: int
    username: str
    tier: str
    is_admin: bool


def require_admin(identity: Identity) -> None:
    """Raise NotAuthorized unless the account is an admin."""
    if not identity.is_admin:
        raise NotAuthorized("Only admins can do this")
