"""Periodic work, which one server of many does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.container import Services, build_services
from webapp.services.shared.storage_mark import StorageMarks
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.web import housekeeping

WORKER = "1" * 12


@pytest.fixture
def elsewhere(
    settings: Settings, other_database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path
) -> Services:
    """The services of another server of the same database."""
    return build_services(settings, other_database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)


async def test_one_of_many_does_it_each_time(
    services: Services, elsewhere: Services, clock: ManualClock
) -> None:
    is_shared = services.database.dialect == "postgres"
    for _ in range(5):
        asked = [
            server.shared.duties.is_ours("lapsed leases", every_s=1)
            for server in (services, elsewhere, services, elsewhere)
        ]
        assert sum(await asyncio.gather(*asked)) == (1 if is_shared else 4), "SQLite has one server"
        assert await elsewhere.shared.duties.is_ours("lapsed leases", every_s=1) is not is_shared
        clock.advance_s(1)


async def test_each_work_is_due_by_itself(services: Services, clock: ManualClock) -> None:
    duties = services.shared.duties
    assert await duties.is_ours("lapsed leases", every_s=1)
    assert await duties.is_ours("loose files", every_s=60)
    clock.advance_s(1)
    assert await duties.is_ours("lapsed leases", every_s=1)
    if services.database.dialect == "postgres":
        assert not await duties.is_ours("loose files", every_s=60)
        clock.advance_s(-3600)
        assert await duties.is_ours("loose files", every_s=60), "the clock was set back"


async def test_what_is_seldom_due_is_kept_on_both_databases(services: Services, clock: ManualClock) -> None:
    duties, hour_s = services.shared.duties, 3_600
    due = [await duties.is_ours("stray files", every_s=hour_s) for _ in range(3)]
    clock.advance_s(hour_s - 1)
    due.append(await duties.is_ours("stray files", every_s=hour_s))
    clock.advance_s(1)
    due += [await duties.is_ours("stray files", every_s=hour_s) for _ in range(2)]
    assert due == [True, False, False, False, True, False]
    clock.advance_s(-2 * hour_s)
    assert await duties.is_ours("stray files", every_s=hour_s), "the clock was set back"
    await duties.make_due("stray files")
    assert await duties.is_ours("stray files", every_s=hour_s)


async def test_after_a_start_the_folder_is_looked_through_beside_the_requests(
    services: Services, make_account: MakeAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    marks = StorageMarks(services.database, services.storage, are_inseparable=True)
    await marks.require("mark")
    assert await services.shared.duties.is_ours("stray files", every_s=1), "somebody looked just now"
    await services.queue.submissions.submit(await make_account(), choice())
    claim = await services.queue.leases.claim(WORKER)
    assert claim
    staged = services.storage.staging_folder()
    (staged / "sound.wav").write_bytes(b"RIFF")
    await services.storage.publish(claim.storage_key, staged)
    await services.queue.leases.take_back_from(WORKER)
    removed = asyncio.Event()
    delete = LocalStorage.delete

    async def noticed(self: LocalStorage, key: str) -> None:
        await delete(self, key)
        removed.set()

    monkeypatch.setattr(LocalStorage, "delete", noticed)
    await housekeeping.repair(services)
    assert await services.storage.keys() == {claim.storage_key}, "nobody waits for it"
    tidying = asyncio.create_task(housekeeping.tidy(services))
    async with asyncio.timeout(20):
        await removed.wait()
    tidying.cancel()
    await asyncio.gather(tidying, return_exceptions=True)
    assert await services.storage.keys() == set()


@asynccontextmanager
async def _sweeping(*servers: Services) -> AsyncIterator[asyncio.Queue[int]]:
    """Have servers sweep; gives how many leases had lapsed, for each time that one looked."""
    looks: asyncio.Queue[int] = asyncio.Queue()
    sweeps = [asyncio.create_task(housekeeping.sweep(server, looks.put_nowait)) for server in servers]
    try:
        yield looks
    finally:
        for sweep in sweeps:
            sweep.cancel()
        await asyncio.gather(*sweeps, return_exceptions=True)


async def test_what_lapses_is_put_back_by_whichever_server_is_there(
    services: Services,
    elsewhere: Services,
    make_account: MakeAccount,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(housekeeping, "SWEEP_S", 0.01)
    ann = await make_account()
    lapse_s = services.settings.lease_s + 1
    for servers in ((services, elsewhere), (elsewhere,), (services,)):
        await services.queue.submissions.submit(ann, choice())
        assert await services.queue.leases.claim(WORKER)
        async with _sweeping(*servers) as looks, asyncio.timeout(20):
            clock.advance_s(lapse_s)
            taken_back = 0
            while not taken_back:
                taken_back = await looks.get()
                clock.advance_s(1)
        assert taken_back == 1
        rows = await services.database.fetch("SELECT status FROM job")
        assert {row["status"] for row in rows} == {"queued"}
        async with services.database.transaction():
            await services.database.fetch("DELETE FROM job")


async def test_two_servers_look_no_more_often_than_one(
    services: Services, elsewhere: Services, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    if services.database.dialect == "sqlite":
        pytest.skip("SQLite has one server")
    monkeypatch.setattr(housekeeping, "SWEEP_S", 0.01)
    answers: asyncio.Queue[bool] = asyncio.Queue()
    duties = type(services.shared.duties)
    is_ours = duties.is_ours

    async def counted(self: object, name: str, *, every_s: float) -> bool:
        answer = await is_ours(self, name, every_s=every_s)  # type: ignore[arg-type]
        if name == "lapsed leases":
            answers.put_nowait(answer)
        return answer

    monkeypatch.setattr(duties, "is_ours", counted)
    async with _sweeping(services, elsewhere) as looks, asyncio.timeout(20):
        await looks.get()
        # Both go on asking; the clock stands still, so nobody looks again.
        while not answers.empty():
            answers.get_nowait()
        assert not any([await answers.get() for _ in range(6)])
        assert looks.empty()
        clock.advance_s(1)
        await looks.get()
