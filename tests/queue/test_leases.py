"""The life of a job in a worker's hands."""

import asyncio

import pytest

from tests.factories import FACTS, MakeAccount, choice, report_progress
from webapp.clock import ManualClock
from webapp.errors import LeaseLost
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim

ONE, OTHER = "1" * 12, "2" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=10)


async def _claimed(services: Services, worker_id: str = ONE) -> Claim:
    claim = await services.queue.leases.claim(worker_id)
    assert claim is not None
    return claim


async def test_a_job_runs_from_queue_to_sound(services: Services, ann: Identity, clock: ManualClock) -> None:
    job_id = (await services.queue.submissions.submit(ann, choice("sea"))).job_id
    claim = await _claimed(services)
    assert (claim.job_id, claim.prompt) == (job_id, "sea")
    await report_progress(services, claim, 45)
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.progress, job.position) == ("processing", "Generating audio... 45%", 1)
    clock.advance_s(1)
    await services.queue.leases.complete(claim, FACTS)
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.progress_pct, job.position) == ("completed", 100, None)
    assert job.sound is not None
    assert job.sound.quality_score == 90
    assert (await services.queue.reader.snapshot()).jobs == ()


async def test_progress_never_goes_back(services: Services, ann: Identity) -> None:
    await services.queue.submissions.submit(ann, choice())
    claim = await _claimed(services)
    for said, shown in ((40, 40), (20, 40), (41, 41)):
        await report_progress(services, claim, said)
        assert (await services.queue.jobs.get(ann, claim.job_id)).progress_pct == shown


async def test_simultaneous_claims_take_each_job_once(services: Services, ann: Identity) -> None:
    for _ in range(8):
        await services.queue.submissions.submit(ann, choice())
    claims = await asyncio.gather(*(services.queue.leases.claim(f"{worker:012x}") for worker in range(20)))
    taken = [claim.job_id for claim in claims if claim]
    assert len(taken) == len(set(taken)) == 8


async def test_a_lapsed_lease_returns_the_job_to_its_place_and_fences_the_old_worker(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    first = (await services.queue.submissions.submit(ann, choice())).job_id
    await services.queue.submissions.submit(ann, choice())
    old = await _claimed(services)
    clock.advance_s(services.settings.lease_s + 0.1)
    with pytest.raises(LeaseLost):
        await services.queue.leases.complete(old, FACTS)
    assert await services.queue.leases.take_back_lapsed() == [first]
    assert (await services.queue.reader.snapshot()).jobs[0].job_id == first, "a returned job keeps its place"
    new = await _claimed(services, OTHER)
    assert new.job_id == first
    assert new.storage_key != old.storage_key
    for write in (
        services.queue.leases.complete(old, FACTS),
        services.queue.leases.fail(old, "no"),
        services.queue.leases.hand_back(old),
        report_progress(services, old, 99),
    ):
        with pytest.raises(LeaseLost):
            await write
    await services.queue.leases.complete(new, FACTS)


async def test_a_heartbeat_keeps_the_lease(services: Services, ann: Identity, clock: ManualClock) -> None:
    await services.queue.submissions.submit(ann, choice())
    claim = await _claimed(services)
    for _ in range(5):
        clock.advance_s(services.settings.lease_s * 0.9)
        assert (await services.queue.leases.keep(ONE, [claim])).held == {(claim.job_id, claim.fence)}
        assert await services.queue.leases.take_back_lapsed() == []
    clock.advance_s(services.settings.lease_s + 0.1)
    assert (await services.queue.leases.keep(ONE, [claim])).held == set(), "a lapsed lease cannot be revived"


async def test_the_same_worker_does_not_pass_its_old_fence(services: Services, ann: Identity) -> None:
    await services.queue.submissions.submit(ann, choice())
    old = await _claimed(services)
    await services.queue.leases.take_back_from(ONE)
    new = await _claimed(services)
    with pytest.raises(LeaseLost):
        await services.queue.leases.complete(old, FACTS)
    await services.queue.leases.complete(new, FACTS)


async def test_failed_attempts_are_retried_twice_then_fail_and_refund(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    await services.queue.submissions.submit(ann, choice())
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    await services.queue.jobs.skip(ann, job_id)
    assert await services.accounts.aura.balance(ann.account_id) == 9
    for expected_again in (True, True, False):
        assert (
            await services.queue.leases.fail(await _claimed(services), "GPU memory exhausted")
            is expected_again
        )
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.error, job.retry_count) == ("failed", "GPU memory exhausted", 2)
    assert await services.accounts.aura.balance(ann.account_id) == 10
    assert await services.accounts.aura.verify() == []


async def test_stops_and_crashes_are_no_attempts_but_ten_lost_workers_are_enough(
    services: Services, ann: Identity
) -> None:
    await services.queue.submissions.submit(ann, choice())
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    await services.queue.jobs.skip(ann, job_id)
    await services.queue.leases.hand_back(await _claimed(services))
    for lost in range(1, 11):
        await _claimed(services)
        assert await services.queue.leases.take_back_from(ONE) == [job_id]
        assert (await services.queue.jobs.get(ann, job_id)).status == ("queued" if lost < 10 else "failed")
    job = await services.queue.jobs.get(ann, job_id)
    assert job.retry_count == 0
    assert job.error == "The job was given up because it stopped 10 workers"
    assert await services.accounts.aura.balance(ann.account_id) == 10


async def test_a_paused_queue_gives_nothing_out(services: Services, ann: Identity) -> None:
    await services.queue.submissions.submit(ann, choice())
    async with services.database.transaction():
        await services.database.fetch("UPDATE queue_state SET is_paused = true")
    assert await services.queue.leases.claim(ONE) is None
    assert (await services.queue.reader.snapshot()).is_paused


async def test_processing_jobs_stand_in_the_order_in_which_they_started(
    services: Services, ann: Identity
) -> None:
    jobs = [(await services.queue.submissions.submit(ann, choice())).job_id for _ in range(3)]
    await services.queue.jobs.skip(ann, jobs[2])
    for worker in (ONE, OTHER):
        await _claimed(services, worker)
    snapshot = await services.queue.reader.snapshot()
    assert [job.job_id for job in snapshot.jobs] == [jobs[2], jobs[0], jobs[1]]
    assert snapshot.current_job == jobs[2]
