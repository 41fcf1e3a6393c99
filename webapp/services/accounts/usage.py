"""The limits of an account and how much of them it has used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import LimitPolicy
from webapp.policy.accounts.tiers import Tier
from webapp.policy.moments import SKEW_MS
from webapp.services.accounts.queries import account_usage
from webapp.settings import Settings

MB: Final = 1_000_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit and how much of it is used. Usage may exceed a limit that has been lowered."""

    limit: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """An account's limits and their use.

    `hour_resets_s`: seconds until the hourly limit allows one job more than now; 0 when none of it is used.
    """

    hourly: Quota
    at_once: Quota
    storage_bytes: Quota
    max_duration_s: float
    speech: Quota
    hour_resets_s: int


def hour_policy(quota: int) -> LimitPolicy:
    """Return the limit on jobs per hour as it is announced to clients."""
    return LimitPolicy("hour", quota, HOUR_MS // 1000)


def at_once_policy(quota: int) -> LimitPolicy:
    """Return the limit on jobs queued or processing at once as it is announced to clients."""
    return LimitPolicy("jobs-at-once", quota)


def speech_bucket(account_id: int) -> str:
    """Name the rate limit bucket that counts the texts that an account has had spoken."""
    return f"speech/account/{account_id}"


class UsageReader:
    """Counts what accounts use."""

    def __init__(
        self, database: Database, clock: Clock, settings: Settings, tiers: Mapping[str, Tier]
    ) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._tiers = tiers

    async def of(self, account_id: int, tier_name: str) -> AccountUsage:
        """Return the usage of an account under a row of the tier table (`Identity.tier`)."""
        tier = self._tiers[tier_name]
        now_ms = self._clock.now_ms()
        row = await account_usage(
            self._database,
            account_id,
            (now_ms - HOUR_MS, now_ms + SKEW_MS),
            hourly_limit=tier.hourly,
            speech_bucket=speech_bucket(account_id),
        )
        leaves_ms: int | None = row["next_to_leave_ms"]
        return AccountUsage(
            hourly=Quota(tier.hourly, row["in_hour"]),
            at_once=Quota(tier.at_once, row["active"]),
            storage_bytes=Quota(self._settings.account_storage_mb * MB, row["stored"]),
            max_duration_s=tier.max_duration_s,
            speech=Quota(tier.speech_hourly, row["spoken"]),
            hour_resets_s=0 if leaves_ms is None else -((now_ms - leaves_ms - HOUR_MS) // 1000),
        )
