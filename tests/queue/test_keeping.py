"""A worker keeps all its leases at once, beside whatever else happens to the queue."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.factories import FACTS, MakeAccount, choice
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.database.engines import Engine
from webapp.events import Event
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.queue.lock import queue_transition

WORKER = "1" * 12
LOCKED_QUEUE = "UPDATE queue_state SET version = version + 1 WHERE id = 1"


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account()


async def _claimed(services: Services, ann: Identity, count: int = 1) -> list[Claim]:
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    claims = []
    for _ in range(count):
        await services.queue.submissions.submit(ann, choice())
        claim = await services.queue.leases.claim(WORKER)
        assert claim is not None
        claims.append(claim)
    return claims


def _pairs(*claims: Claim) -> set[tuple[str, int]]:
    return {(claim.job_id, claim.fence) for claim in claims}


async def _job(services: Services, claim: Claim) -> dict[str, Any]:
    rows = await services.database.fetch("SELECT * FROM job WHERE job_id = {}", claim.job_id)
    return rows[0]


@asynccontextmanager
async def _meanwhile(database: Database, *statements: str) -> AsyncIterator[None]:
    """Hold what these statements lock, in a transaction of another process, while the block runs."""
    if database.dialect == "sqlite":
        pytest.skip("SQLite has one writer at a time, whatever it writes")
    inside, leave = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with database.transaction():
            for statement in statements:
                await database.fetch(statement)
            inside.set()
            await leave.wait()

    holding = asyncio.create_task(hold())
    try:
        await asyncio.wait_for(inside.wait(), 10)
        yield
    finally:
        leave.set()
        await holding


async def test_each_lease_is_judged_by_itself(services: Services, ann: Identity, clock: ManualClock) -> None:
    held, stopped, lapsed, again, deleted = await _claimed(services, ann, 5)
    await services.queue.jobs.stop(ann, stopped.job_id)
    await services.queue.leases.hand_back(again)
    renewed = await services.queue.leases.claim(WORKER)
    assert renewed is not None
    assert renewed.job_id == again.job_id
    async with services.database.transaction():
        await services.database.fetch("DELETE FROM job WHERE job_id = {}", deleted.job_id)
        await services.database.fetch("UPDATE job SET lease_expires_ms = 1 WHERE job_id = {}", lapsed.job_id)
    clock.advance_s(1)
    progress = dict.fromkeys((claim.job_id for claim in (held, stopped, lapsed, again, deleted)), 30)
    kept = await services.queue.leases.keep(WORKER, [held, stopped, lapsed, again, deleted], progress)
    assert kept.held == _pairs(held)
    rows = [await _job(services, claim) for claim in (held, stopped, lapsed, again)]
    assert [row["progress_pct"] for row in rows] == [30, 0, 0, 0]
    expires_ms = clock.now_ms() + round(services.settings.lease_s * 1000)
    assert [row["lease_expires_ms"] == expires_ms for row in rows] == [True, False, False, False]


async def test_progress_is_that_of_each_job_and_published_where_there_is_any(
    services: Services, ann: Identity
) -> None:
    one, two, three = await _claimed(services, ann, 3)
    with services.bus.subscribe() as hints:
        await services.queue.leases.keep(WORKER, [one, two, three], {one.job_id: 20, three.job_id: 70})
        told = hints.take()
    assert sorted(told, key=str) == sorted((Event("job", one.job_id), Event("job", three.job_id)), key=str)
    await services.queue.leases.keep(WORKER, [one, two, three], {one.job_id: 10, two.job_id: 40})
    jobs = [await _job(services, claim) for claim in (one, two, three)]
    assert [job["progress_pct"] for job in jobs] == [20, 40, 70], "it never falls"


async def test_a_heartbeat_without_leases_says_whether_the_register_has_the_worker(
    services: Services, clock: ManualClock
) -> None:
    assert (await services.queue.leases.keep(WORKER, [])).is_registered is False
    await services.workers.registry.register(WORKER, host="h", pid=1, device="cpu")
    clock.advance_s(2)
    kept = await services.queue.leases.keep(WORKER, [])
    assert (kept.is_registered, kept.held) == (True, frozenset())
    assert await services.workers.registry.last_heartbeat_ms(WORKER) == clock.now_ms()


async def test_it_is_one_statement_on_postgresql_and_one_transaction_on_sqlite(
    services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = await _claimed(services, ann, 4)
    statements: list[str] = []
    run = services.database.engine.run

    async def counted(_engine: Engine, sql: str, args: Sequence[object]) -> object:
        statements.append(sql)
        return await run(sql, args)

    monkeypatch.setattr(type(services.database.engine), "run", counted)
    kept = await services.queue.leases.keep(WORKER, claims, {claims[0].job_id: 5})
    assert kept.held == _pairs(*claims)
    assert len(statements) == (1 if services.database.dialect == "postgres" else 2)
    if services.database.dialect == "postgres":
        setting = await services.database.fetch("SELECT current_setting('synchronous_commit') AS now")
        assert setting == [{"now": "on"}], "only that commit did not wait for the disk"


async def test_it_goes_on_while_somebody_holds_the_queue(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    claims = await _claimed(services, ann, 2)
    async with _meanwhile(services.database, LOCKED_QUEUE):
        for progress_pct in (10, 20, 30):
            clock.advance_s(services.settings.lease_s * 0.9)
            async with asyncio.timeout(5):
                kept = await services.queue.leases.keep(WORKER, claims, {claims[0].job_id: progress_pct})
            assert kept.held == _pairs(*claims)
            # Everybody sees it, although the transition is not over.
            assert (await services.queue.jobs.get(ann, claims[0].job_id)).progress_pct == progress_pct
        assert await services.queue.leases.take_back_lapsed() == []


async def test_it_waits_for_nobody_who_holds_rows_of_its_own(
    services: Services, ann: Identity, clock: ManualClock
) -> None:
    held, free = await _claimed(services, ann, 2)
    before = await _job(services, held)
    clock.advance_s(1)
    locks = (
        f"SELECT 1 FROM job WHERE job_id = '{held.job_id}' FOR UPDATE",
        f"SELECT 1 FROM worker WHERE worker_id = '{WORKER}' FOR UPDATE",
    )
    async with _meanwhile(services.database, *locks), asyncio.timeout(5):
        kept = await services.queue.leases.keep(WORKER, [held, free])
        assert kept.held == _pairs(held, free)
        assert kept.is_registered
        assert (await _job(services, free))["lease_expires_ms"] > before["lease_expires_ms"]
        assert await _job(services, held) == before
        clock.advance_s(services.settings.lease_s)
        kept = await services.queue.leases.keep(WORKER, [held, free])
        assert kept.held == _pairs(free), "what could not be renewed in time is lost"
    clock.advance_s(1)
    assert (await services.queue.leases.keep(WORKER, [free])).held == _pairs(free)


async def test_what_a_transition_is_about_to_end_is_lost_once_it_has(
    services: Services, ann: Identity
) -> None:
    (claim,) = await _claimed(services, ann)
    ended = "status = 'completed', progress_pct = 100, worker_id = NULL, lease_expires_ms = NULL"
    ending = f"UPDATE job SET {ended} WHERE job_id = '{claim.job_id}'"
    async with _meanwhile(services.database, LOCKED_QUEUE, ending), asyncio.timeout(5):
        kept = await services.queue.leases.keep(WORKER, [claim], {claim.job_id: 40})
        assert kept.held == _pairs(claim), "that is so until the other commits"
    assert (await services.queue.leases.keep(WORKER, [claim], {claim.job_id: 50})).held == set()
    job = await _job(services, claim)
    assert (job["status"], job["progress_pct"]) == ("completed", 100)


async def test_endings_and_heartbeats_at_once_deadlock_nobody(services: Services, ann: Identity) -> None:
    for _ in range(4):
        claims = await _claimed(services, ann, 4)
        leases = services.queue.leases
        progress = {claim.job_id: 50 for claim in claims}
        async with asyncio.timeout(30):
            *_, taken_back, one, two = await asyncio.gather(
                leases.complete(claims[0], FACTS),
                services.queue.jobs.stop(ann, claims[1].job_id),
                leases.hand_back(claims[2]),
                leases.take_back_from("2" * 12),
                leases.keep(WORKER, claims, progress),
                leases.keep(WORKER, list(reversed(claims)), progress),
            )
        assert taken_back == []
        assert _pairs(claims[3]) <= one.held <= _pairs(*claims)
        assert _pairs(claims[3]) <= two.held <= _pairs(*claims)
        assert (await leases.keep(WORKER, claims)).held == _pairs(claims[3])
        rows = [await _job(services, claim) for claim in claims]
        assert [row["status"] for row in rows] == ["completed", "cancelled", "queued", "processing"]
        assert [rows[number]["progress_pct"] for number in (0, 2, 3)] == [100, 0, 50]
        await leases.complete(claims[3], FACTS)
        await services.queue.jobs.cancel(ann, claims[2].job_id)
        async with services.database.transaction():
            await services.database.fetch("DELETE FROM job")


async def test_no_queue_lock_is_taken(services: Services, ann: Identity) -> None:
    (claim,) = await _claimed(services, ann)
    before = (await services.queue.reader.snapshot()).version
    await services.queue.leases.keep(WORKER, [claim], {claim.job_id: 9})
    assert (await services.queue.reader.snapshot()).version == before
    async with queue_transition(services.database, visible=False) as transition:
        assert transition.version == before
