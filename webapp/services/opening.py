"""Opening what the services stand on: the database, brought up to date, the clock, the bus, the storage."""

import math
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from webapp.clock import Clock, SteadyClock, SystemClock
from webapp.database import Database, MigrationFailed, engine_from, migrate
from webapp.database.engines import Engine, postgres_limits
from webapp.database.faults import DISK_FULL
from webapp.database.reserve import DiskReserve
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.errors import DatabaseDamaged, DatabaseUnusable, StorageFull, is_disk_full
from webapp.events import Bus, PostgresBus, SocketBus, SocketHub
from webapp.ids import Ids, RandomIds
from webapp.services.shared.beginnings import Beginnings
from webapp.services.shared.database_clock import database_clock
from webapp.services.shared.storage_mark import StorageMarks
from webapp.settings import Settings
from webapp.storage import Storage, open_storage

MIGRATION_LOCK: Final = "migrate.lock"
# How long a command waits for a database that is away; servers and workers wait for ever.
COMMAND_WAIT_S: Final = 10.0
FOR_EVER: Final = math.inf
# A file up to this size is looked through at a server's start, which takes some 0.1 s.
CHECKED_BYTES: Final = 32_000_000


@dataclass(frozen=True, slots=True)
class Parts:
    """The open database, storage and events that the services use."""

    database: Database
    bus: Bus
    storage: Storage
    clock: Clock
    ids: Ids


@asynccontextmanager
async def opened(settings: Settings, *, owns_event_socket: bool, begins_anew: bool) -> AsyncIterator[Parts]:
    """Open everything, once; it is closed with the block.

    Raises SettingsError and DatabaseUnusable for what only somebody can mend, DatabaseAway, StorageAway and
    StorageFull for what may pass: a disk without room for the files that a process needs is one of these.
    """
    beginnings = Beginnings(settings, are_allowed=begins_anew)
    engine = engine_from(settings)
    if isinstance(engine, PersistentSQLiteEngine):
        beginnings.require_file(engine.file.path)
    async with AsyncExitStack() as stack:
        try:
            parts = await _open(stack, Database(engine), settings, beginnings, owns_event_socket)
        except OSError as error:
            if not is_disk_full(error):
                raise
            _make_room(engine)
            raise StorageFull(DISK_FULL) from error
        except StorageFull:
            _make_room(engine)
            raise
        yield parts


async def _open(
    stack: AsyncExitStack,
    database: Database,
    settings: Settings,
    beginnings: Beginnings,
    owns_event_socket: bool,
) -> Parts:
    stack.push_async_callback(database.close)
    await database.open()
    await _bring_up_to_date(database, settings, beginnings, is_server=owns_event_socket)
    ids, storage = RandomIds(), open_storage(settings)
    marks = StorageMarks(
        database, storage, are_inseparable=database.dialect == "sqlite" and not settings.storage_url
    )
    await marks.require(ids.generation_id(), begins_anew=beginnings.are_allowed)
    own = SystemClock() if database.dialect == "sqlite" else SteadyClock()
    clock = await stack.enter_async_context(database_clock(database, own))
    bus = _bus(settings, ids, clock, owns_event_socket=owns_event_socket)
    await bus.start()
    stack.push_async_callback(bus.stop)
    return Parts(database, bus, storage, clock, ids)


async def _bring_up_to_date(
    database: Database, settings: Settings, beginnings: Beginnings, *, is_server: bool
) -> None:
    """Check and migrate. Raises DatabaseUnusable."""
    engine = database.engine
    lock = settings.data_path / MIGRATION_LOCK
    if not isinstance(engine, PersistentSQLiteEngine):
        await _migrate(database, lock, beginnings)
        return
    path = engine.file.path
    try:
        if is_server and path.exists() and path.stat().st_size <= CHECKED_BYTES:
            await engine.quick_check()
        await _migrate(database, lock, beginnings)
    except DatabaseDamaged as error:
        raise DatabaseUnusable(
            f"The database is damaged ({error.reason}). Move {path} and what is named like it away and"
            " restore a backup: soundloom restore FOLDER --replace"
        ) from error
    beginnings.record()


async def _migrate(database: Database, lock: Path, beginnings: Beginnings) -> None:
    try:
        await migrate(database, lock, before_the_first=beginnings.require_none)
    except MigrationFailed as error:
        reason = " ".join(str(error).split())
        raise DatabaseUnusable(f"The database could not be brought up to date: {reason}") from error


def _make_room(engine: Engine) -> None:
    """For the next attempt: SQLite needs some even to read."""
    if isinstance(engine, PersistentSQLiteEngine):
        DiskReserve(engine).free_file()


def _bus(settings: Settings, ids: Ids, clock: Clock, *, owns_event_socket: bool) -> Bus:
    if settings.database_url:
        direct_url = settings.database_listen_url or settings.database_url
        return PostgresBus(direct_url, ids.job_id(), clock, postgres_limits(settings))
    return (SocketHub if owns_event_socket else SocketBus)(settings.data_path, clock)
