"""Accepting jobs: limits that hold exactly, in the order that the rules give."""

import asyncio

import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock
from webapp.errors import InvalidRequest, LimitReached, ProductError, QueueFull, StorageFull
from webapp.policy.tiers import tier_table
from webapp.services.container import Services
from webapp.services.identity import Identity
from webapp.services.submissions import Submitted
from webapp.settings import Settings


async def _submit_at_once(
    services: Services, identity: Identity, times: int
) -> tuple[list[Submitted], list[ProductError]]:
    results = await asyncio.gather(
        *(services.submissions.submit(identity, choice()) for _ in range(times)), return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, ProductError):
            raise result
    accepted = [result for result in results if isinstance(result, Submitted)]
    return accepted, [result for result in results if isinstance(result, ProductError)]


async def _rows(services: Services) -> int:
    return int((await services.database.fetch("SELECT COUNT(*) AS n FROM job"))[0]["n"])


async def test_positions_are_dense_in_order_of_arrival(services: Services, make_account: MakeAccount) -> None:
    ann = await make_account()
    positions = [(await services.submissions.submit(ann, choice())).position for _ in range(3)]
    assert positions == [1, 2, 3]
    snapshot = await services.queue.snapshot()
    assert [job.position for job in snapshot.jobs] == [1, 2, 3]


async def test_a_better_tier_is_placed_before_others(services: Services, make_account: MakeAccount) -> None:
    free, admin = await make_account("free", tier="free"), await make_account("root", is_admin=True)
    await services.submissions.submit(free, choice())
    submitted = await services.submissions.submit(admin, choice())
    assert (submitted.position, submitted.priority) == (1, "admin")
    assert [job.priority for job in (await services.queue.snapshot()).jobs] == ["admin", "free"]


@pytest.mark.parametrize("tier", ["free", "supporter", "creator"])
async def test_jobs_at_once_is_exact_under_concurrency(
    services: Services, make_account: MakeAccount, tier: str
) -> None:
    ann = await make_account(tier=tier)
    limit = tier_table(services.settings)[tier].at_once
    accepted, refused = await _submit_at_once(services, ann, limit + 10)
    assert len(accepted) == limit == await _rows(services)
    assert {error.message for error in refused} == {f"Too many jobs waiting; your tier allows {limit}"}


async def test_hourly_limit_counts_cancelled_jobs_and_says_when_to_return(
    services: Services, make_account: MakeAccount, clock: ManualClock
) -> None:
    ann = await make_account(tier="free")
    for _ in range(3):
        submitted = await services.submissions.submit(ann, choice())
        await services.jobs.cancel(ann, submitted.job_id)
        clock.advance_s(60)
    with pytest.raises(LimitReached, match="Rate limit exceeded") as refusal:
        await services.submissions.submit(ann, choice())
    assert refusal.value.retry_after_s == 3600 - 180
    clock.advance_s(3600 - 180)
    assert (await services.submissions.submit(ann, choice())).position == 1


class TestSmallQueue:
    """With room for few jobs."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, queue_limit=5)

    async def test_the_queue_limit_is_exact_over_all_accounts(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        accounts = [await make_account(f"user{number}", tier="premium") for number in range(4)]
        results = await asyncio.gather(*(_submit_at_once(services, account, 4) for account in accounts))
        assert sum(len(accepted) for accepted, _ in results) == 5 == await _rows(services)
        assert all(isinstance(error, QueueFull) for _, refused in results for error in refused)

    async def test_processing_jobs_count_as_well(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        await _submit_at_once(services, ann, 5)
        assert await services.leases.claim("w" * 12)
        with pytest.raises(QueueFull):
            await services.submissions.submit(ann, choice())


async def test_the_tiers_longest_clip_is_checked_first(services: Services, make_account: MakeAccount) -> None:
    ann = await make_account(tier="free")
    await _submit_at_once(services, ann, 2)
    with pytest.raises(InvalidRequest, match="Duration exceeds your tier limit"):
        await services.submissions.submit(ann, choice(duration_s=30.1))
    with pytest.raises(LimitReached, match="Too many jobs waiting"):
        await services.submissions.submit(ann, choice(duration_s=30))


class TestFullDisk:
    """With less room on the disk than is to be kept free."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=10**9)

    async def test_new_jobs_are_refused(self, services: Services, make_account: MakeAccount) -> None:
        ann = await make_account()
        with pytest.raises(StorageFull, match="disk is almost full"):
            await services.submissions.submit(ann, choice())
        assert await _rows(services) == 0


async def test_a_quote_foretells_the_place(services: Services, make_account: MakeAccount) -> None:
    free, creator = await make_account("free", tier="free"), await make_account("creator")
    await services.submissions.submit(free, choice())
    quote = await services.submissions.quote(creator, "music", 30)
    assert (quote.position, quote.skip_cost, quote.jobs_left_this_hour, quote.at_once_left) == (1, 3, 60, 20)
    assert quote.expected_wait_s is None, "without a worker nothing can be said"
    assert (await services.submissions.submit(creator, choice(duration_s=30))).position == quote.position
