"""Who is asking: what a proven session or token amounts to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Identity:
    """A signed-in account. `tier` is the effective row of the tier table: `admin` for admins."""

    account_id: int
    username: str
    tier: str
    is_admin: bool
