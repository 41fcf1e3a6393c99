"""What each tier allows."""

from dataclasses import dataclass
from typing import Final

from webapp.settings import Settings

TIER_NAMES: Final = ("free", "supporter", "premium", "creator")
DEFAULT_TIER: Final = "free"
ADMIN: Final = "admin"
SKIPPED: Final = "skipped"

MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Tier:
    """One row of the tier table.

    `priority` is the rank in the queue, lower first. A job that has waited `starves_after_ms`
    is overtaken only by skips and by jobs further past their limit; None never starves.
    """

    name: str
    priority: int
    hourly: int
    max_duration_s: float
    at_once: int
    speech_hourly: int
    starves_after_ms: int | None


def tier_table(settings: Settings) -> dict[str, Tier]:
    """Every tier by name, the admins' among them, with the operator's settings applied."""
    creator_hourly, creator_at_once = settings.creator_hourly, settings.creator_at_once
    rows = (
        Tier(ADMIN, 0, creator_hourly, 180, creator_at_once, 120, None),
        Tier("creator", 1, creator_hourly, 180, creator_at_once, 120, 2 * MINUTE_MS),
        Tier("premium", 2, settings.premium_hourly, 120, settings.premium_at_once, 60, 5 * MINUTE_MS),
        Tier("supporter", 3, settings.supporter_hourly, 60, settings.supporter_at_once, 30, 10 * MINUTE_MS),
        Tier("free", 4, settings.free_hourly, 30, settings.free_at_once, 10, 30 * MINUTE_MS),
    )
    return {tier.name: tier for tier in rows}


def effective_tier(tier: str, *, is_admin: bool) -> str:
    """The row of the table that an account falls under: an admin's own, whatever its tier says."""
    return ADMIN if is_admin else tier
