"""What an account may do, and how much of it is used up."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import LimitPolicy
from webapp.policy.moments import SKEW_MS
from webapp.policy.tiers import Tier
from webapp.settings import Settings

MB: Final = 1_000_000
HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Quota:
    """A limit and how much of it is used. Usage may exceed a limit that was lowered."""

    limit: int
    used: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class AccountUsage:
    """An account's limits and their use.

    `hour_resets_s`: seconds until the hour has room for one job more than now; 0 when all of it is free.
    """

    hourly: Quota
    at_once: Quota
    storage_bytes: Quota
    max_duration_s: float
    speech: Quota
    hour_resets_s: int


def hour_policy(quota: int) -> LimitPolicy:
    """The limit on jobs per hour, as clients are told of it."""
    return LimitPolicy("hour", quota, HOUR_MS // 1000)


def at_once_policy(quota: int) -> LimitPolicy:
    """The limit on jobs waiting or running at once, as clients are told of it."""
    return LimitPolicy("jobs-at-once", quota)


def speech_bucket(account_id: int) -> str:
    """Under which name the throttle counts the texts that an account has spoken."""
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
        """The usage of an account under a row of the tier table (`Identity.tier`)."""
        tier = self._tiers[tier_name]
        now_ms = self._clock.now_ms()
        hour = now_ms - HOUR_MS, now_ms + SKEW_MS
        rows = await self._database.fetch(
            "SELECT"
            " (SELECT COUNT(*) FROM job WHERE account = {} AND created_ms > {}"
            "  AND created_ms <= {}) AS in_hour,"
            " (SELECT MIN(created_ms) FROM (SELECT created_ms FROM job WHERE account = {} AND created_ms > {}"
            "  AND created_ms <= {}"
            "  ORDER BY created_ms DESC LIMIT {}) AS newest) AS next_to_leave_ms,"
            " (SELECT COUNT(*) FROM job WHERE account = {} AND status IN ('queued', 'processing')) AS active,"
            " (SELECT CAST(COALESCE(SUM(bytes_total), 0) AS BIGINT) FROM sound WHERE account = {}) AS stored,"
            " (SELECT COUNT(*) FROM throttle_hit WHERE bucket = {} AND at_ms > {} AND at_ms <= {}) AS spoken",
            account_id,
            *hour,
            account_id,
            *hour,
            max(1, tier.hourly),
            account_id,
            account_id,
            speech_bucket(account_id),
            *hour,
        )
        row = rows[0]
        leaves_ms: int | None = row["next_to_leave_ms"]
        return AccountUsage(
            hourly=Quota(tier.hourly, row["in_hour"]),
            at_once=Quota(tier.at_once, row["active"]),
            storage_bytes=Quota(self._settings.account_storage_mb * MB, row["stored"]),
            max_duration_s=tier.max_duration_s,
            speech=Quota(tier.speech_hourly, row["spoken"]),
            hour_resets_s=0 if leaves_ms is None else -((now_ms - leaves_ms - HOUR_MS) // 1000),
        )
