"""The limits of each tier."""

from dataclasses import dataclass, replace
from typing import Final

from webapp.settings import Settings

TIER_NAMES: Final = ("free", "supporter", "premium", "creator")
DEFAULT_TIER: Final = "free"
ADMIN: Final = "admin"
SKIPPED: Final = "skipped"


@dataclass(frozen=True, slots=True)
class Tier:
    """One row of the tier table.

    `priority` is the rank in the queue, lower first. A job that has waited for `starves_after_ms` is
    starving: it is overtaken only by skips and by jobs further past their limit.
    """

    name: str
    priority: int
    hourly: int
    max_duration_s: float
    at_once: int
    speech_hourly: int
    starves_after_ms: int


def tier_table(settings: Settings) -> dict[str, Tier]:
    """Return the tiers by name, including that of admins, with the operator's settings applied."""
    admin = Tier(
        name=ADMIN,
        priority=0,
        hourly=settings.creator_hourly,
        max_duration_s=settings.creator_max_duration_s,
        at_once=settings.creator_at_once,
        speech_hourly=settings.creator_speech_hourly,
        starves_after_ms=round(settings.creator_starves_after_s * 1000),
    )
    creator = replace(admin, name="creator", priority=1)
    premium = Tier(
        name="premium",
        priority=2,
        hourly=settings.premium_hourly,
        max_duration_s=settings.premium_max_duration_s,
        at_once=settings.premium_at_once,
        speech_hourly=settings.premium_speech_hourly,
        starves_after_ms=round(settings.premium_starves_after_s * 1000),
    )
    supporter = Tier(
        name="supporter",
        priority=3,
        hourly=settings.supporter_hourly,
        max_duration_s=settings.supporter_max_duration_s,
        at_once=settings.supporter_at_once,
        speech_hourly=settings.supporter_speech_hourly,
        starves_after_ms=round(settings.supporter_starves_after_s * 1000),
    )
    free = Tier(
        name="free",
        priority=4,
        hourly=settings.free_hourly,
        max_duration_s=settings.free_max_duration_s,
        at_once=settings.free_at_once,
        speech_hourly=settings.free_speech_hourly,
        starves_after_ms=round(settings.free_starves_after_s * 1000),
    )
    return {tier.name: tier for tier in (admin, creator, premium, supporter, free)}


def effective_tier(tier: str, *, is_admin: bool) -> str:
    """Return the tier whose limits apply to an account: for admins the row of their own."""
    return ADMIN if is_admin else tier
