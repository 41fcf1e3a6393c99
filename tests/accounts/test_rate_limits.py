"""Rate limits."""

import asyncio
from collections import Counter

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import LimitReached
from webapp.services.shared.rate_limits import LimitUsage, RateLimits, address_group

HOUR_S = 3600


async def _try(rate_limits: RateLimits, bucket: str = "b", limit: int = 3) -> int | None:
    """None when the hit counted, otherwise the seconds to wait."""
    try:
        await rate_limits.hit(bucket, limit, HOUR_S, "Too many")
    except LimitReached as error:
        return error.retry_after_s
    return None


async def test_the_window_slides(rate_limits: RateLimits, clock: ManualClock) -> None:
    for _ in range(3):
        assert await _try(rate_limits) is None
        clock.advance_s(600)
    assert await _try(rate_limits) == 1800
    clock.advance_s(1799.001)
    assert await _try(rate_limits) == 1
    clock.advance_s(0.999)
    assert await _try(rate_limits) is None
    assert await _try(rate_limits) == 600


async def test_it_is_exact_when_many_come_at_once(rate_limits: RateLimits, database: Database) -> None:
    outcomes = Counter(await asyncio.gather(*(_try(rate_limits, limit=20) for _ in range(50))))
    assert outcomes == {None: 20, HOUR_S: 30}
    assert len(await database.fetch("SELECT id FROM throttle_hit")) == 20


async def test_two_processes_count_together(database: Database, clock: ManualClock) -> None:
    instances = [RateLimits(database, clock) for _ in range(2)]
    outcomes = Counter(await asyncio.gather(*(_try(instances[number % 2], limit=5) for number in range(20))))
    assert outcomes[None] == 5


async def test_buckets_do_not_share(rate_limits: RateLimits) -> None:
    assert [await _try(rate_limits, bucket) for bucket in ("a", "b", "a" * 160)] == [None] * 3
    assert (await rate_limits.usage("a", 3, HOUR_S)).remaining == 2


async def test_a_limit_of_zero_allows_nothing(rate_limits: RateLimits) -> None:
    assert await _try(rate_limits, limit=0) == HOUR_S


async def test_checking_counts_nothing(rate_limits: RateLimits) -> None:
    for _ in range(5):
        await rate_limits.check("b", 1, HOUR_S, "Too many")
    await rate_limits.hit("b", 1, HOUR_S, "Too many")
    with pytest.raises(LimitReached, match="Too many") as refusal:
        await rate_limits.check("b", 1, HOUR_S, "Too many")
    assert refusal.value.retry_after_s == HOUR_S


async def test_usage_says_what_is_left(rate_limits: RateLimits, clock: ManualClock) -> None:
    assert await rate_limits.usage("b", 3, HOUR_S) == LimitUsage(3, HOUR_S, 3, 0)
    first = await rate_limits.hit("b", 3, HOUR_S, "Too many")
    assert first.usage == LimitUsage(3, HOUR_S, 2, HOUR_S)
    clock.advance_s(60)
    second = await rate_limits.hit("b", 3, HOUR_S, "Too many")
    assert second.usage == await rate_limits.usage("b", 3, HOUR_S) == LimitUsage(3, HOUR_S, 1, 3540)
    assert (await rate_limits.usage("b", 1, HOUR_S)).remaining == 0


async def test_a_hit_can_be_taken_back(rate_limits: RateLimits) -> None:
    hits = [await rate_limits.hit("b", 2, HOUR_S, "Too many") for _ in range(2)]
    await rate_limits.forget(*hits)
    await rate_limits.forget(*hits)
    assert (await rate_limits.usage("b", 2, HOUR_S)).remaining == 2


async def test_hits_made_together_count_together_or_not_at_all(rate_limits: RateLimits) -> None:
    async def hit_both() -> None:
        async with rate_limits.together():
            await rate_limits.hit("free", 1, HOUR_S, "Too many")
            await rate_limits.hit("full", 1, HOUR_S, "Too many")

    await rate_limits.hit("full", 1, HOUR_S, "Too many")
    with pytest.raises(LimitReached):
        await hit_both()
    assert (await rate_limits.usage("free", 1, HOUR_S)).remaining == 1


async def test_a_hit_belongs_to_the_callers_transaction(rate_limits: RateLimits, database: Database) -> None:
    async def hit_and_fail() -> None:
        async with database.transaction():
            await rate_limits.hit("b", 1, HOUR_S, "Too many")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await hit_and_fail()
    assert (await rate_limits.usage("b", 1, HOUR_S)).remaining == 1


async def test_old_hits_are_cleared_away(
    rate_limits: RateLimits, database: Database, clock: ManualClock
) -> None:
    for number in range(5):
        await rate_limits.hit(f"seldom/{number}", 1, HOUR_S, "Too many")
    clock.advance_s(HOUR_S)
    await rate_limits.hit("often", 1, HOUR_S, "Too many")
    await rate_limits.prune()
    rows = await database.fetch("SELECT bucket FROM throttle_hit")
    assert [row["bucket"] for row in rows] == ["often"]


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("unknown", "unknown"),
        ("x" * 100, "x" * 64),
    ],
)
def test_what_counts_as_one_client(address: str, group: str) -> None:
    assert address_group(address) == group
