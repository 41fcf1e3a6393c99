"""What a process remembers is never older than the last commit of any process."""

import asyncio
from pathlib import Path

import pytest

from tests.factories import FACTS, MakeAccount, choice, report_progress
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.container import Services, build_services
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.settings import Settings
from webapp.storage import LocalStorage

WORKER = "w" * 12
FREE_STARVES_S = 30 * 60


@pytest.fixture
def elsewhere(
    settings: Settings, other_database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path
) -> Services:
    """The services of another web process: no hint reaches it."""
    return build_services(settings, other_database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)


class TestAcrossProcesses:
    """Each change is in the next answer of a process that remembers the answer before it."""

    async def test_a_submission_and_a_cancellation(
        self, services: Services, elsewhere: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        job_id = ""
        for number in range(3):
            assert len((await elsewhere.queue.reader.snapshot()).jobs) == number
            job_id = (await services.queue.submissions.submit(ann, choice())).job_id
            assert len((await elsewhere.queue.reader.snapshot()).jobs) == number + 1
        assert (await elsewhere.queue.jobs.get(ann, job_id)).status == "queued"
        await services.queue.jobs.cancel(ann, job_id)
        assert (await elsewhere.queue.jobs.get(ann, job_id)).status == "cancelled"
        assert len((await elsewhere.queue.reader.snapshot()).jobs) == 2

    async def test_every_state_of_a_job(
        self, services: Services, elsewhere: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        assert (await elsewhere.queue.jobs.get(ann, job_id)).position == 1
        claim = await services.queue.leases.claim(WORKER)
        assert claim
        assert (await elsewhere.queue.jobs.get(ann, job_id)).status == "processing"
        await report_progress(services, claim, 40)
        assert (await elsewhere.queue.jobs.get(ann, job_id)).progress_pct == 40
        await services.queue.leases.complete(claim, FACTS)
        done = await elsewhere.queue.jobs.get(ann, job_id)
        assert (done.status, done.position) == ("completed", None)
        assert done.sound

    async def test_a_revoked_token_and_a_changed_account(
        self, services: Services, elsewhere: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account(tier="free")
        secret, token = await services.accounts.tokens.create(ann.account_id)
        assert await elsewhere.accounts.tokens.identity_for(secret) == ann
        async with services.database.transaction():
            await services.database.fetch("UPDATE account SET tier = 'premium'")
        changed = await elsewhere.accounts.tokens.identity_for(secret)
        assert changed
        assert changed.tier == "premium"
        await services.accounts.tokens.revoke(ann.account_id, token.token_id)
        assert await elsewhere.accounts.tokens.identity_for(secret) is None

    async def test_what_a_worker_says(self, services: Services, elsewhere: Services) -> None:
        await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
        states = []
        for state in ("idle", "busy", "idle"):
            await services.workers.registry.record_report(WORKER, state, {"models": {}})
            states += [worker.state for worker in (await elsewhere.workers.status.report()).workers]
        assert states == ["idle", "busy", "idle"]


class TestTime:
    """What changes although nobody writes."""

    async def test_a_job_that_begins_to_starve_moves(
        self, services: Services, make_account: MakeAccount, clock: ManualClock
    ) -> None:
        free, creator = await make_account("free", tier="free"), await make_account("creator")
        waiting = (await services.queue.submissions.submit(free, choice())).job_id
        clock.advance_s(FREE_STARVES_S - 0.5)
        await services.queue.submissions.submit(creator, choice())
        assert [job.job_id for job in (await services.queue.reader.snapshot()).jobs].index(waiting) == 1
        clock.advance_s(0.499)
        assert [job.job_id for job in (await services.queue.reader.snapshot()).jobs].index(waiting) == 1
        clock.advance_s(0.001)
        snapshot = await services.queue.reader.snapshot()
        assert [job.job_id for job in snapshot.jobs].index(waiting) == 0
        assert snapshot.jobs[0].reason == "starving"

    async def test_a_worker_that_says_nothing_is_gone(self, services: Services, clock: ManualClock) -> None:
        await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
        assert len((await services.workers.status.report()).workers) == 1
        clock.advance_s(services.settings.lease_s + 0.001)
        assert not (await services.workers.status.report()).workers

    async def test_a_token_expires(
        self, services: Services, make_account: MakeAccount, clock: ManualClock
    ) -> None:
        ann = await make_account()
        secret, _ = await services.accounts.tokens.create(ann.account_id, lifetime_ms=5_000)
        assert await services.accounts.tokens.identity_for(secret)
        clock.advance_s(5)
        assert await services.accounts.tokens.identity_for(secret) is None


class TestRemembering:
    """When nothing changes, nothing is read; what goes wrong is not remembered."""

    async def test_the_same_object_while_nothing_changes(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        await services.queue.submissions.submit(await make_account(), choice())
        snapshots = {id(await services.queue.reader.snapshot()) for _ in range(20)}
        # A server may do some housekeeping of its own at any moment.
        assert len(snapshots) <= 2

    async def test_those_who_ask_together_share_a_reading(
        self, database: Database, clock: ManualClock
    ) -> None:
        cache: ReadCache[str, int] = ReadCache(database, clock, capacity=1)
        read = _Counter()
        await asyncio.gather(*(cache.get("key", read) for _ in range(50)))
        assert read.reads <= 2

    async def test_a_failure_reaches_whoever_asked_and_nobody_later(
        self, database: Database, clock: ManualClock
    ) -> None:
        cache: ReadCache[str, int] = ReadCache(database, clock, capacity=1)

        async def fail() -> Reading[int]:
            raise NotFound("gone")

        with pytest.raises(NotFound):
            await cache.get("key", fail)
        assert await cache.get("key", _Counter()) == 1

    async def test_one_who_leaves_does_not_take_the_reading_from_others(
        self, database: Database, clock: ManualClock
    ) -> None:
        cache: ReadCache[str, int] = ReadCache(database, clock, capacity=1)
        begun, gate = asyncio.Event(), asyncio.Event()

        async def slow() -> Reading[int]:
            begun.set()
            await gate.wait()
            return Reading(1)

        leaving = asyncio.create_task(cache.get("key", slow))
        await begun.wait()
        staying = asyncio.create_task(cache.get("key", slow))
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        gate.set()
        assert await staying == 1

    async def test_inside_a_transaction_own_writes_are_seen_and_not_shared(
        self, services: Services, make_account: MakeAccount
    ) -> None:
        await services.queue.submissions.submit(await make_account(), choice())
        before = await services.queue.reader.snapshot()
        with pytest.raises(RuntimeError):
            await _look_inside(services, before.version)
        assert (await services.queue.reader.snapshot()).version == before.version

    async def test_only_so_much_is_kept(self, database: Database, clock: ManualClock) -> None:
        cache: ReadCache[int, int] = ReadCache(database, clock, capacity=2)
        read = _Counter()
        assert [await cache.get(key, read) for key in (1, 2, 3)] == [1, 2, 3]
        assert await cache.get(1, read) == 4, "the oldest was dropped"


class _Counter:
    """Reads 1, then 2, and so on."""

    def __init__(self) -> None:
        self.reads = 0

    async def __call__(self) -> Reading[int]:
        self.reads += 1
        return Reading(self.reads)


async def _look_inside(services: Services, version: int) -> None:
    async with services.database.transaction():
        await services.database.fetch("UPDATE queue_state SET version = version + 1")
        assert (await services.queue.reader.snapshot()).version == version + 1
        raise RuntimeError
