"""Workers and servers whose clocks differ."""

import time

import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.container import Services, build_services
from webapp.services.shared.database_clock import DatabaseClock, database_clock

SKEWS_S = (-3600.0, -8.0, 8.0, 3600.0)


def _only_on_postgres(database: Database) -> None:
    if database.dialect == "sqlite":
        pytest.skip("one machine, one clock")


async def test_a_clock_that_is_off_is_set_right_by_the_databases(database: Database) -> None:
    _only_on_postgres(database)
    for skew_s in SKEWS_S:
        async with database_clock(database, ManualClock(round((time.time() + skew_s) * 1000))) as clock:
            assert abs(clock.now_ms() - time.time() * 1000) < 500


async def test_a_clock_that_is_moved_later_is_set_right_again(database: Database) -> None:
    _only_on_postgres(database)
    own = ManualClock(round(time.time() * 1000))
    clock = DatabaseClock(database, own)
    await clock.measure()
    own.advance_s(3600)
    assert clock.now_ms() - time.time() * 1000 > 3_000_000
    await clock.measure()
    assert abs(clock.now_ms() - time.time() * 1000) < 500


async def test_with_sqlite_the_machines_own_clock_serves(database: Database, clock: ManualClock) -> None:
    if database.dialect == "postgres":
        pytest.skip("hosts may differ")
    async with database_clock(database, clock) as chosen:
        assert chosen is clock


@pytest.mark.parametrize("skew_s", SKEWS_S)
async def test_a_worker_whose_clock_is_off_keeps_its_job(
    services: Services, make_account: MakeAccount, skew_s: float
) -> None:
    _only_on_postgres(services.database)
    ann = await make_account()
    now_ms = round(time.time() * 1000)
    async with (
        database_clock(services.database, ManualClock(now_ms)) as servers_clock,
        database_clock(services.database, ManualClock(now_ms + round(skew_s * 1000))) as workers_clock,
    ):
        server, worker = (
            build_services(
                services.settings,
                services.database,
                LocalBus(clock),
                services.storage,
                clock,
                SeededIds(seed),
            )
            for seed, clock in ((1, servers_clock), (2, workers_clock))
        )
        await server.queue.submissions.submit(ann, choice())
        claim = await worker.queue.leases.claim("1" * 12)
        assert claim is not None
        assert await server.queue.leases.take_back_lapsed() == []
        assert (await worker.queue.leases.keep("1" * 12, [claim])).held == {(claim.job_id, claim.fence)}
