"""What can go wrong between a worker and its job, beside the worker's death."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.factories import FACTS, MakeAccount, choice, report_progress
from webapp.clock import ManualClock
from webapp.errors import DatabaseAway, LeaseLost
from webapp.services.accounts.aura import MAX_BALANCE
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.queue.lock import queue_transition

ONE, OTHER = "1" * 12, "2" * 12


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account(aura=10)


async def _claimed(services: Services, worker_id: str = ONE) -> Claim:
    claim = await services.queue.leases.claim(worker_id)
    assert claim is not None
    return claim


async def _version(services: Services) -> int:
    rows = await services.database.fetch("SELECT version FROM queue_state")
    version: int = rows[0]["version"]
    return version


async def test_looking_for_work_in_vain_changes_nothing(services: Services, ann: Identity) -> None:
    before = await _version(services)
    assert await services.queue.leases.claim(ONE) is None
    await services.queue.submissions.submit(ann, choice())
    async with services.database.transaction():
        await services.database.fetch("UPDATE queue_state SET is_paused = true")
    assert await services.queue.leases.claim(ONE) is None
    assert await _version(services) == before + 1, "only the submission counts"


async def test_workers_that_come_too_late_change_nothing(services: Services, ann: Identity) -> None:
    await services.queue.submissions.submit(ann, choice())
    before = await _version(services)
    claims = await asyncio.gather(*(services.queue.leases.claim(f"{worker:012x}") for worker in range(8)))
    assert sum(claim is not None for claim in claims) == 1
    assert await _version(services) == before + 1


async def test_a_claim_that_the_worker_never_learned_of_lapses(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    await services.queue.submissions.submit(ann, choice())
    lost = await _claimed(services)
    await services.queue.submissions.submit(ann, choice())
    known = await _claimed(services)
    for _ in range(3):
        clock.advance_s(services.settings.lease_s * 0.5)
        assert (await services.queue.leases.keep(ONE, [known])).held == {(known.job_id, known.fence)}
    assert await services.queue.leases.take_back_lapsed() == [lost.job_id]


@pytest.mark.parametrize("ending", ["complete", "fail", "hand_back", "progress", "keep"])
async def test_a_job_whose_account_was_deleted_is_let_go(
    services: Services, ann: Identity, ending: str
) -> None:
    await services.queue.submissions.submit(ann, choice())
    claim = await _claimed(services)
    async with services.database.transaction():
        await services.database.fetch("DELETE FROM account WHERE id = {}", ann.account_id)
    if ending == "keep":
        assert (await services.queue.leases.keep(ONE, [claim])).held == set()
        return
    leases = services.queue.leases
    writes: dict[str, Callable[[], Awaitable[object]]] = {
        "complete": lambda: leases.complete(claim, FACTS),
        "fail": lambda: leases.fail(claim, "no"),
        "hand_back": lambda: leases.hand_back(claim),
        "progress": lambda: report_progress(services, claim, 5),
    }
    with pytest.raises(LeaseLost):
        await writes[ending]()
    assert await services.queue.leases.take_back_from(ONE) == []


async def test_a_refund_reaches_an_account_that_was_filled_up_meanwhile(
    services: Services, ann: Identity
) -> None:
    await services.queue.submissions.submit(ann, choice())
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    await services.queue.jobs.skip(ann, job_id)
    await services.accounts.aura.grant(ann.account_id, MAX_BALANCE - 9, reason="much", author="root")
    await services.queue.jobs.cancel(ann, job_id)
    assert await services.accounts.aura.balance(ann.account_id) == MAX_BALANCE + 1
    again = (await services.queue.submissions.submit(ann, choice())).job_id
    assert (await services.queue.jobs.skip(ann, again)).new_balance == MAX_BALANCE
    assert await services.accounts.aura.verify() == []


async def test_each_attempt_starts_anew(services: Services, ann: Identity, clock: ManualClock) -> None:
    job_id = (await services.queue.submissions.submit(ann, choice())).job_id
    claim = await _claimed(services)
    first_start = (await services.queue.jobs.get(ann, job_id)).started_ms
    await report_progress(services, claim, 60)
    await services.queue.leases.fail(claim, "no")
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.started_ms, job.progress_pct) == ("queued", None, 0)
    clock.advance_s(5)
    await _claimed(services, OTHER)
    job = await services.queue.jobs.get(ann, job_id)
    assert job.progress_pct == 0
    assert job.started_ms == (first_start or 0) + 5000


async def test_whoever_stands_still_inside_a_transaction_does_not_stop_the_queue(
    services: Services, ann: Identity
) -> None:
    if services.database.dialect == "sqlite":
        pytest.skip("a process that holds SQLite's file is killed by its supervisor")
    inside, leave = asyncio.Event(), asyncio.Event()

    async def stand_still() -> None:
        async with queue_transition(services.database):
            inside.set()
            await leave.wait()

    hanging = asyncio.create_task(stand_still())
    await inside.wait()
    async with asyncio.timeout(60):
        await services.queue.submissions.submit(ann, choice())
    leave.set()
    with pytest.raises(DatabaseAway):
        await hanging
    assert (await services.queue.submissions.submit(ann, choice())).position == 2
