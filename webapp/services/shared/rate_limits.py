"""Rate limits: how many requests of a kind may come in a sliding window, counted in the database."""

import hashlib
import ipaddress
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from webapp.clock import Clock
from webapp.database import Database, Dialect
from webapp.errors import LimitPolicy, LimitReached
from webapp.policy.moments import SKEW_MS

HOUR_S: Final = 3_600
MAX_WINDOW_S: Final = HOUR_S
PRUNE_EVERY_MS: Final = 60_000

_DELETE_OLD: Final[dict[Dialect, str]] = {
    "sqlite": "DELETE FROM throttle_hit WHERE at_ms <= {} OR at_ms > {}",
    "postgres": "DELETE FROM throttle_hit WHERE id IN"
    " (SELECT id FROM throttle_hit WHERE at_ms <= {} OR at_ms > {} FOR UPDATE SKIP LOCKED)",
}


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """How much of a limit is used up.

    `reset_s`: seconds until the next request leaves the window; 0 when none is in it. `name`: what clients
    are told that the limit is called.
    """

    limit: int
    window_s: int
    remaining: int
    reset_s: int
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A counted request, which can be taken back, and what it leaves of its limit."""

    hit_id: int
    usage: LimitUsage


class RateLimits:
    """Sliding-window limits, exact across every process that shares the database.

    A bucket names what is limited and for whom, such as `cancel/account/7`; at most 160 characters. What
    stands before its first slash is the name that clients are told, so it stands for one limit only.
    Windows are at most an hour long.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._pruned_ms = clock.now_ms()

    async def hit(self, bucket: str, limit: int, window_s: int, message: str) -> Hit:
        """Count a request, in the caller's transaction if there is one.

        Raises LimitReached with `message` when `limit` requests were counted in the last `window_s`
        seconds; a refused request is not counted.
        """
        async with self._database.transaction(durable=False):
            await self._serialise(bucket)
            now_ms = self._clock.now_ms()
            await self._prune(bucket, now_ms, window_s)
            times = await self._recent(bucket, limit, window_s, now_ms)
            _refuse_at_limit(_policy(bucket, limit, window_s), times, now_ms, message)
            rows = await self._database.fetch(
                "INSERT INTO throttle_hit (bucket, at_ms) VALUES ({}, {}) RETURNING id", bucket, now_ms
            )
        return Hit(rows[0]["id"], _usage(_policy(bucket, limit, window_s), [now_ms, *times], now_ms))

    def together(self) -> AbstractAsyncContextManager[Any]:
        """A block whose hits all count or, when one of them is refused, none."""
        return self._database.transaction(durable=False)

    async def forget(self, *hits: Hit) -> None:
        """Take counted requests back, as if they had not come."""
        async with self._database.transaction(durable=False):
            for hit in hits:
                await self._database.fetch("DELETE FROM throttle_hit WHERE id = {}", hit.hit_id)

    async def check(self, bucket: str, limit: int, window_s: int, message: str) -> None:
        """Raise LimitReached when `hit` would; counts nothing."""
        now_ms = self._clock.now_ms()
        times = await self._recent(bucket, limit, window_s, now_ms)
        _refuse_at_limit(_policy(bucket, limit, window_s), times, now_ms, message)

    async def usage(self, bucket: str, limit: int, window_s: int) -> LimitUsage:
        """How much of the limit is used up now."""
        now_ms = self._clock.now_ms()
        times = await self._recent(bucket, limit, window_s, now_ms)
        return _usage(_policy(bucket, limit, window_s), times, now_ms)

    async def _serialise(self, bucket: str) -> None:
        # SQLite's writing transactions already follow one another. Under PostgreSQL's READ COMMITTED two
        # could count the same rows; the lock is held to the end of the transaction.
        if self._database.dialect == "postgres":
            await self._database.fetch("SELECT pg_advisory_xact_lock({})", _lock_number(bucket))

    async def _recent(self, bucket: str, limit: int, window_s: int, now_ms: int) -> list[int]:
        """The times of the newest requests in the window, newest first, no more than the limit."""
        rows = await self._database.fetch(
            "SELECT at_ms FROM throttle_hit WHERE bucket = {} AND at_ms > {} AND at_ms <= {}"
            " ORDER BY at_ms DESC LIMIT {}",
            bucket,
            now_ms - window_s * 1000,
            now_ms + SKEW_MS,
            limit,
        )
        return [row["at_ms"] for row in rows]

    async def _prune(self, bucket: str, now_ms: int, window_s: int) -> None:
        await self._database.fetch(
            "DELETE FROM throttle_hit WHERE bucket = {} AND (at_ms <= {} OR at_ms > {})",
            bucket,
            now_ms - window_s * 1000,
            now_ms + SKEW_MS,
        )
        if 0 <= now_ms - self._pruned_ms < PRUNE_EVERY_MS:
            return
        self._pruned_ms = now_ms
        # Rows that another process is deleting are left to it: waiting for them could end in a deadlock.
        await self._database.fetch(
            _DELETE_OLD[self._database.dialect], now_ms - MAX_WINDOW_S * 1000, now_ms + SKEW_MS
        )


def address_group(address: str) -> str:
    """What counts as one client: an IPv4 address, or the /64 network that one IPv6 customer holds."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.IPv6Network((int(parsed) >> 64 << 64, 64)))
    return str(parsed)


def _policy(bucket: str, limit: int, window_s: int) -> LimitPolicy:
    return LimitPolicy(bucket.partition("/")[0], limit, window_s)


def _refuse_at_limit(policy: LimitPolicy, times: list[int], now_ms: int, message: str) -> None:
    if len(times) >= policy.quota:
        # Room appears when the oldest of the newest `quota` requests leaves the window.
        wait_s = _seconds_left(policy, times, now_ms) if times else policy.window_s
        raise LimitReached(message, retry_after_s=wait_s or 0, policy=policy)


def _usage(policy: LimitPolicy, times: list[int], now_ms: int) -> LimitUsage:
    left = max(0, policy.quota - len(times))
    reset_s = _seconds_left(policy, times, now_ms)
    return LimitUsage(policy.quota, policy.window_s or 0, left, reset_s, policy.name)


def _seconds_left(policy: LimitPolicy, times: list[int], now_ms: int) -> int:
    """Whole seconds, rounded up, until the oldest of these leaves the window."""
    return -((now_ms - times[-1] - (policy.window_s or 0) * 1000) // 1000) if times else 0


def _lock_number(bucket: str) -> int:
    return int.from_bytes(hashlib.sha256(bucket.encode()).digest()[:8], signed=True)
