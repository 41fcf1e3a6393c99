"""Rate limits over sliding windows, counted in the database."""

import hashlib
import ipaddress
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import LimitPolicy, LimitReached
from webapp.policy.moments import SKEW_MS
from webapp.services.shared.queries import (
    add_hit,
    hits_in_window,
    lock_bucket,
    prune_all_buckets,
    prune_bucket,
)
from webapp.tables import ThrottleHit

HOUR_S: Final = 3_600
MAX_WINDOW_S: Final = HOUR_S


@dataclass(frozen=True, slots=True)
class LimitUsage:
    """The used part of a limit.

    `reset_s`: seconds until the next request leaves the window; 0 when none is in it. `name`: the limit's
    name as it is announced to clients.
    """

    limit: int
    window_s: int
    remaining: int
    reset_s: int
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Hit:
    """A counted request, which can be taken back, and the use of the limit after it."""

    hit_id: int
    usage: LimitUsage


class RateLimits:
    """Sliding-window limits, exact across every process that shares the database.

    A bucket names what is limited and for whom, such as `cancel/account/7`; at most 160 characters. The part
    before its first slash is the name that is announced to clients, so it must belong to one limit only.
    Windows are at most an hour long.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def hit(self, bucket: str, limit: int, window_s: int, message: str) -> Hit:
        """Count a request, in the caller's transaction if there is one.

        Raises LimitReached with `message` when `limit` requests were counted in the last `window_s`
        seconds; a refused request is not counted.
        """
        async with self._database.transaction(durable=False):
            await lock_bucket(self._database, _lock_number(bucket))
            now_ms = self._clock.now_ms()
            latest_ms = now_ms + SKEW_MS
            await prune_bucket(self._database, bucket, (now_ms - window_s * 1000, latest_ms))
            times = await self._recent(bucket, limit, window_s, now_ms)
            _refuse_at_limit(_policy(bucket, limit, window_s), times, now_ms, message)
            hit_id = await add_hit(self._database, bucket, now_ms)
        return Hit(hit_id, _usage(_policy(bucket, limit, window_s), [now_ms, *times], now_ms))

    def together(self) -> AbstractAsyncContextManager[Any]:
        """Open a block whose hits all count or, if one of them is refused, none."""
        return self._database.transaction(durable=False)

    async def forget(self, *hits: Hit) -> None:
        """Take counted requests back, as if they had not been made."""
        async with self._database.transaction(durable=False):
            for hit in hits:
                await ThrottleHit.delete().where(ThrottleHit.id == hit.hit_id)

    async def prune(self) -> None:
        """Delete counted requests that are in no window any more, of clients that do not come back."""
        now_ms = self._clock.now_ms()
        async with self._database.transaction(durable=False):
            await prune_all_buckets(self._database, (now_ms - MAX_WINDOW_S * 1000, now_ms + SKEW_MS))

    async def check(self, bucket: str, limit: int, window_s: int, message: str) -> None:
        """Raise LimitReached when `hit` would; counts nothing."""
        now_ms = self._clock.now_ms()
        times = await self._recent(bucket, limit, window_s, now_ms)
        _refuse_at_limit(_policy(bucket, limit, window_s), times, now_ms, message)

    async def usage(self, bucket: str, limit: int, window_s: int) -> LimitUsage:
        """Return how much of the limit is used."""
        now_ms = self._clock.now_ms()
        times = await self._recent(bucket, limit, window_s, now_ms)
        return _usage(_policy(bucket, limit, window_s), times, now_ms)

    async def _recent(self, bucket: str, limit: int, window_s: int, now_ms: int) -> list[int]:
        """Return the times of the newest requests in the window, newest first, at most `limit`."""
        window = (now_ms - window_s * 1000, now_ms + SKEW_MS)
        return await hits_in_window(self._database, bucket, window, limit)


def address_group(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 network of one IPv6 customer."""
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
        # A request is allowed again when the oldest of the newest `quota` requests leaves the window.
        wait_s = _seconds_left(policy, times, now_ms) if times else policy.window_s
        raise LimitReached(message, retry_after_s=wait_s or 0, policy=policy)


def _usage(policy: LimitPolicy, times: list[int], now_ms: int) -> LimitUsage:
    left = max(0, policy.quota - len(times))
    reset_s = _seconds_left(policy, times, now_ms)
    return LimitUsage(policy.quota, policy.window_s or 0, left, reset_s, policy.name)


def _seconds_left(policy: LimitPolicy, times: list[int], now_ms: int) -> int:
    """Return the seconds, rounded up, until the oldest of these leaves the window."""
    return -((now_ms - times[-1] - (policy.window_s or 0) * 1000) // 1000) if times else 0


def _lock_number(bucket: str) -> int:
    return int.from_bytes(hashlib.sha256(bucket.encode()).digest()[:8], signed=True)
