"""Snapshots: one state of the database, read while others go on writing."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final, Protocol

import asyncpg

from webapp.database.database import Database
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.threads import open_in_thread

ROWS_AT_ONCE: Final = 1_000

Batch = Sequence[Sequence[Any]]


class Snapshot(Protocol):
    """Reads the state at the time it was taken, whatever is committed meanwhile."""

    def rows(self, sql: str) -> AsyncGenerator[Batch, None]:
        """Run a query without arguments and yield its rows in batches."""
        ...


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[Snapshot]:
    """Open a snapshot of the present state, on a connection of its own that blocks nobody."""
    engine = database.engine
    if isinstance(engine, PooledPostgresEngine):
        async with _postgres(engine) as taken:
            yield taken
    else:
        async with _sqlite(engine) as taken:
            yield taken


class _SqliteSnapshot:
    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    async def rows(self, sql: str) -> AsyncGenerator[Batch, None]:
        cursor = await asyncio.to_thread(self._raw.execute, sql)
        while batch := await asyncio.to_thread(cursor.fetchmany, ROWS_AT_ONCE):
            yield batch


@asynccontextmanager
async def _sqlite(engine: PersistentSQLiteEngine) -> AsyncIterator[Snapshot]:
    raw = await open_in_thread(
        partial(sqlite3.connect, engine.path, isolation_level=None, check_same_thread=False)
    )
    try:
        # In WAL mode the first read of a transaction decides what all of it sees.
        raw.execute("PRAGMA query_only = ON")
        raw.execute("BEGIN")
        raw.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()
        yield _SqliteSnapshot(raw)
    finally:
        raw.close()


class _PostgresSnapshot:
    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection

    async def rows(self, sql: str) -> AsyncGenerator[Batch, None]:
        cursor = await self._connection.cursor(sql)
        while batch := await cursor.fetch(ROWS_AT_ONCE):
            yield batch


@asynccontextmanager
async def _postgres(engine: PooledPostgresEngine) -> AsyncIterator[Snapshot]:
    # Not of the pool: its statements have no time limit.
    connection = await engine.get_new_connection()
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute("SELECT 1 FROM queue_state")
            yield _PostgresSnapshot(connection)
    finally:
        await connection.close()
