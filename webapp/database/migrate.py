"""Bring a database to the present schema, once, whoever starts first."""

import asyncio
import contextlib
import fcntl
import io
from collections.abc import AsyncIterator, Callable
from functools import cache
from pathlib import Path

from piccolo.apps.migrations.tables import Migration

from webapp.database.database import Database
from webapp.database.link import needed_rights, no_time_limit
from webapp.database.postgres import PooledPostgresEngine
from webapp.tables import APP_NAME, MIGRATIONS

# Any fixed number that no other application of the server uses; spells "loom".
ADVISORY_LOCK = 0x6C6F6F6D


class MigrationFailed(Exception):
    """A migration did not run to its end; the database is as it was before that migration."""


async def migrate(
    database: Database, lock_file: Path, *, before_the_first: Callable[[], None] = lambda: None
) -> int:
    """Run the migrations that have not run yet, under a lock, and return how many there were.

    `lock_file` keeps two processes on one machine apart; PostgreSQL is locked on the server as well.
    `before_the_first` is called, and may raise, where the database is an empty one.
    """
    if not await _missing(database):
        return 0
    async with _file_lock(lock_file), _server_lock(database):
        missing = await _missing(database)
        if missing == _present():
            before_the_first()
        if missing:
            # One transaction around all of it: Piccolo notes a migration after running it, and a crash
            # between the two would leave a schema that no start could repair.
            with no_time_limit(), needed_rights():
                async with database.transaction():
                    await _run_forwards()
        return len(missing)


async def is_migrated(database: Database) -> bool:
    """Return whether the database answers and has the present schema. Raises when it does not answer."""
    return not await _missing(database)


async def _missing(database: Database) -> frozenset[str]:
    """The ids of the migrations of this version that have not run."""
    if database.dialect == "sqlite":
        found = await database.fetch(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'migration'"
        )
    else:
        found = await database.fetch("SELECT to_regclass('migration')::text AS name")
    if not found or found[0]["name"] is None:
        return _present()
    return _present() - set(await Migration.get_migrations_which_ran(app_name=APP_NAME))


@cache
def _present() -> frozenset[str]:
    """The ids of this version's migrations, read once: whether they ran is asked often."""
    return frozenset(_migration_id(path) for path in MIGRATIONS.glob("*.py") if path.stem != "__init__")


def _migration_id(path: Path) -> str:
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("ID = "):
            return line.removeprefix("ID = ").strip("'\" ")
    raise MigrationFailed(f"{path.name} has no ID line")


async def _run_forwards() -> None:
    # Imported here: a start with nothing to migrate does not pay for Piccolo's migration commands.
    from piccolo.apps.migrations.commands.forwards import ForwardsMigrationManager  # noqa: PLC0415

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        result = await ForwardsMigrationManager(app_name=APP_NAME).run()
    if not result.success:
        raise MigrationFailed(printed.getvalue())


@contextlib.asynccontextmanager
async def _file_lock(path: Path) -> AsyncIterator[None]:
    with path.open("w") as handle:
        await asyncio.to_thread(fcntl.flock, handle, fcntl.LOCK_EX)
        yield


@contextlib.asynccontextmanager
async def _server_lock(database: Database) -> AsyncIterator[None]:
    if not isinstance(database.engine, PooledPostgresEngine):
        yield
        return
    connection = await database.engine.get_new_connection()
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", ADVISORY_LOCK)
        yield
    finally:
        await connection.close()
