"""What the estimator learns from the database."""

from dataclasses import replace

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.policy.queue.estimates import Outlook
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services

ONE, OTHER = "1" * 12, "2" * 12
ENTRY = {
    "state": "ready",
    "engine": "e",
    "label": "e",
    "checkpoint": "",
    "license": "",
    "max_duration_s": 180,
}
REPORT = {"models": {"music": ENTRY, "audio": ENTRY}}


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account()


async def _register(services: Services, worker_id: str, device: str) -> None:
    await services.workers.registry.register(worker_id, host="h", pid=1, device=device)
    await services.workers.registry.record_report(worker_id, "idle", REPORT)


async def _make(services: Services, clock: ManualClock, ann: Identity, worker_id: str, work_s: float) -> None:
    await services.queue.submissions.submit(ann, choice(duration_s=10))
    claim = await services.queue.leases.claim(worker_id)
    assert claim is not None
    clock.advance_s(work_s)
    await services.queue.leases.keep(worker_id, [claim])
    await services.queue.leases.complete(claim, replace(FACTS, engine="e"))


def _work_s(outlook: Outlook, device: str, model: str = "music") -> float:
    return outlook.speeds.work_time(model, "e", device).work_s(10)


async def test_speed_is_learned_by_device(services: Services, ann: Identity, clock: ManualClock) -> None:
    await _register(services, ONE, "cuda:0")
    await _register(services, OTHER, "cuda:1")
    for _ in range(8):
        await _make(services, clock, ann, ONE, 2)
        await _make(services, clock, ann, OTHER, 5)
    clock.advance_s(services.settings.lease_s / 2)
    outlook = await services.queue.estimator.outlook()
    assert _work_s(outlook, "cuda:0") == pytest.approx(2, rel=0.15)
    assert _work_s(outlook, "cuda:1") == pytest.approx(5, rel=0.15)
    other = _work_s(outlook, "cuda:0", "audio")
    assert 2 < other < 5, "a model that nobody measured is expected to be like the others"


async def test_waits_follow_the_measured_speed_and_end_with_the_workers(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    await _register(services, ONE, "cuda:0")
    for _ in range(20):
        await _make(services, clock, ann, ONE, 4)
    for _ in range(3):
        await services.queue.submissions.submit(ann, choice(duration_s=10))
    report = await services.workers.status.report()
    assert report.estimated_wait["music"] == pytest.approx(8, abs=1)
    quote = await services.queue.submissions.quote(ann, "music", 10)
    assert quote.expected_wait_s == pytest.approx(12, rel=0.1)
    assert quote.expected_work_s == pytest.approx(4, rel=0.1)
    clock.advance_s(services.settings.lease_s + 1)
    assert (await services.workers.status.report()).estimated_wait == {"music": None}


async def test_a_worker_that_has_not_reported_yet_counts_with_the_engine_that_made_the_results(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    await _register(services, ONE, "cuda:0")
    for _ in range(8):
        await _make(services, clock, ann, ONE, 3)
    await services.workers.registry.remove(ONE)
    clock.advance_s(60)
    await services.workers.registry.register(OTHER, host="h", pid=2, device="cuda:0")
    assert (await services.queue.estimator.outlook()).work_ms("music", 10) == pytest.approx(3000, rel=0.15)


async def test_better_tiers_that_keep_coming_make_the_wait_longer(
    services: Services, ann: Identity, make_account: MakeAccount, clock: ManualClock
) -> None:
    free = await make_account("free", tier="free")
    await _register(services, ONE, "cuda:0")
    for _ in range(20):
        await _make(services, clock, ann, ONE, 5)
        clock.advance_s(25)
        await services.queue.leases.keep(ONE, [])
    clock.advance_s(10)
    await services.queue.leases.keep(ONE, [])
    outlook = await services.queue.estimator.outlook()
    assert outlook.overtaking_shares == {1: 0}
    for _ in range(2):
        await services.queue.submissions.submit(free, choice(duration_s=10))
    clock.advance_s(5)
    outlook = await services.queue.estimator.outlook()
    assert outlook.overtaking_shares[4] == pytest.approx(20 * 5 / 615, rel=0.15)


async def test_the_newest_results_are_read_by_their_index(services: Services) -> None:
    explain = "EXPLAIN QUERY PLAN" if services.database.dialect == "sqlite" else "EXPLAIN"
    async with services.database.transaction():
        if services.database.dialect == "postgres":
            await services.database.fetch("SET LOCAL enable_seqscan = off")
            await services.database.fetch("SET LOCAL enable_bitmapscan = off")
        plan = await services.database.fetch(
            f"{explain} SELECT duration_s FROM job WHERE status = 'completed' AND model = 'music'"
            " ORDER BY finished_ms DESC LIMIT 200"
        )
    assert "job_completed_of_model" in str(plan)
    assert "Sort" not in str(plan)
    assert "TEMP B-TREE" not in str(plan)
