"""Cancelling and skipping, alone and in a race with the worker."""

import asyncio
from pathlib import Path

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.errors import InvalidRequest, LimitPolicy, LimitReached, NotAuthorized, NotFound, ProductError
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.jobs import SkipReceipt
from webapp.settings import Settings

ONE = "1" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=10)


async def _submit(services: Services, identity: Identity, duration_s: float = 8.0) -> str:
    return (await services.queue.submissions.submit(identity, choice(duration_s=duration_s))).job_id


async def test_a_skip_goes_to_the_front_behind_earlier_skips(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    jobs = [await _submit(services, ann, 30) for _ in range(3)]
    assert await services.queue.jobs.skip(ann, jobs[2]) == SkipReceipt(cost=3, new_balance=7)
    clock.advance_s(1)
    await services.queue.jobs.skip(ann, jobs[1])
    snapshot = await services.queue.reader.snapshot()
    assert [job.job_id for job in snapshot.jobs] == [jobs[2], jobs[1], jobs[0]]
    assert [job.priority for job in snapshot.jobs] == ["skipped", "skipped", "creator"]


async def test_two_skips_at_the_same_instant_charge_once(services: Services, ann: Identity) -> None:
    await _submit(services, ann)
    job_id = await _submit(services, ann)
    results = await asyncio.gather(
        *(services.queue.jobs.skip(ann, job_id) for _ in range(8)), return_exceptions=True
    )
    assert sum(isinstance(result, SkipReceipt) for result in results) == 1
    assert {str(result) for result in results if isinstance(result, ProductError)} == {"Job already skipped"}
    assert await services.accounts.aura.balance(ann.account_id) == 9
    assert await services.accounts.aura.verify() == []


async def test_a_skip_without_the_means_changes_nothing(
    services: Services, make_account: MakeAccount
) -> None:
    poor = await make_account("poor", aura=2)
    await _submit(services, poor)
    job_id = await _submit(services, poor, 30)
    with pytest.raises(InvalidRequest, match="Insufficient Aura balance"):
        await services.queue.jobs.skip(poor, job_id)
    assert (await services.queue.jobs.get(poor, job_id)).priority == "creator"
    assert await services.accounts.aura.balance(poor.account_id) == 2


async def test_cancelling_a_skipped_job_refunds_once(services: Services, ann: Identity) -> None:
    await _submit(services, ann)
    job_id = await _submit(services, ann)
    await services.queue.jobs.skip(ann, job_id)
    results = await asyncio.gather(
        *(services.queue.jobs.cancel(ann, job_id) for _ in range(5)), return_exceptions=True
    )
    assert results.count(None) == 1
    assert {str(result) for result in results if result} == {"Job is not in queue"}
    assert await services.accounts.aura.balance(ann.account_id) == 10


async def test_cancel_and_claim_race_and_one_wins(services: Services, ann: Identity) -> None:
    for _ in range(10):
        job_id = await _submit(services, ann)
        claim, cancelled = await asyncio.gather(
            services.queue.leases.claim(ONE), services.queue.jobs.cancel(ann, job_id), return_exceptions=True
        )
        if cancelled is None:
            assert claim is None
            assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"
        else:
            assert str(cancelled) == "Cannot cancel a job that is already processing"
            assert not isinstance(claim, BaseException | None)
            await services.queue.leases.complete(claim, FACTS)


async def test_who_may_and_when(services: Services, ann: Identity, make_account: MakeAccount) -> None:
    bob, root = await make_account("bob"), await make_account("root", is_admin=True)
    job_id = await _submit(services, ann)
    with pytest.raises(NotAuthorized, match=r"^Not authorized to cancel this job$"):
        await services.queue.jobs.cancel(bob, job_id)
    with pytest.raises(NotAuthorized, match=r"^Not authorized$"):
        await services.queue.jobs.skip(bob, job_id)
    with pytest.raises(NotAuthorized, match=r"^Not authorized to view this job$"):
        await services.queue.jobs.get(bob, job_id)
    with pytest.raises(NotFound, match=r"^Job not found$"):
        await services.queue.jobs.skip(ann, "0" * 12)
    assert (await services.queue.jobs.get(root, job_id)).job_id == job_id
    await services.queue.jobs.cancel(root, job_id)
    other = await _submit(services, ann)
    await services.queue.leases.claim(ONE)
    with pytest.raises(InvalidRequest, match="Cannot skip a job that is already processing"):
        await services.queue.jobs.skip(ann, other)


async def test_a_skip_that_moves_nothing_is_refused_and_free(
    services: Services, ann: Identity, make_account: MakeAccount, clock: ManualClock
) -> None:
    first, second = [await _submit(services, ann) for _ in range(2)]
    root = await make_account("root", is_admin=True)
    for is_paused in (False, True, False):
        await services.admin.queue.set_paused(root, is_paused=is_paused)
        with pytest.raises(InvalidRequest, match=r"^Job is already at the front$"):
            await services.queue.jobs.skip(ann, first)
    await services.queue.jobs.skip(ann, second)
    third = await _submit(services, ann)
    # Skips keep their order: it moves ahead of the first job, not of the second.
    clock.advance_s(1)
    await services.queue.jobs.skip(ann, third)
    clock.advance_s(1)
    with pytest.raises(InvalidRequest, match="already at the front"):
        await services.queue.jobs.skip(ann, first)
    usage = await services.queue.jobs.action_usage(ann, "skip")
    assert usage is not None
    assert (usage.limit - usage.remaining, await services.accounts.aura.balance(ann.account_id)) == (2, 8)


class TestLimits:
    @pytest.fixture
    def settings(self, tmp_path: Path) -> Settings:
        return Settings(data_dir=str(tmp_path), disk_reserve_mb=0, cancel_hourly=2)

    async def test_cancellations_are_limited_per_hour_but_not_an_admins(
        self, services: Services, ann: Identity, make_account: MakeAccount
    ) -> None:
        root = await make_account("root", is_admin=True)
        theirs = await _submit(services, root)
        for _ in range(3):
            with pytest.raises(NotFound):
                await services.queue.jobs.cancel(ann, "0" * 12)
            with pytest.raises(NotAuthorized):
                await services.queue.jobs.cancel(ann, theirs)
        jobs = [await _submit(services, ann) for _ in range(4)]
        for job_id in jobs[:2]:
            await services.queue.jobs.cancel(ann, job_id)
        with pytest.raises(LimitReached, match="Rate limit exceeded") as refused:
            await services.queue.jobs.cancel(ann, jobs[2])
        assert refused.value.policy == LimitPolicy("cancel", 2, 3600)
        assert (await services.queue.jobs.get(ann, jobs[2])).status == "queued"
        for job_id in (theirs, *jobs[2:]):
            await services.queue.jobs.cancel(root, job_id)


async def test_only_a_failed_job_is_retried_as_a_new_one(services: Services, ann: Identity) -> None:
    job_id = (await services.queue.submissions.submit(ann, choice("sea", seed=5))).job_id
    with pytest.raises(InvalidRequest, match="Only a failed job"):
        await services.queue.jobs.retry(ann, job_id)
    for _ in range(3):
        claim = await services.queue.leases.claim(ONE)
        assert claim is not None
        await services.queue.leases.fail(claim, "no")
    again = await services.queue.jobs.retry(ann, job_id)
    job = await services.queue.jobs.get(ann, again.job_id)
    assert (job.status, job.prompt, job.seed) == ("queued", "sea", 5)
    assert again.job_id != job_id
