"""The one database of a process: opened, migrated, bound to the tables, closed."""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal

from piccolo.apps.migrations.tables import Migration
from piccolo.table import Table

from webapp.database import piccolo_conf
from webapp.database.engines import Engine
from webapp.database.postgres import PooledPostgresEngine
from webapp.database.reserve import DiskReserve
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.database.statements import numbered, questioned
from webapp.tables import ALL_TABLES

Dialect = Literal["sqlite", "postgres"]

# Piccolo imports its configuration by this name; a migration finds the open database there.
os.environ["PICCOLO_CONF"] = piccolo_conf.__name__


class Database:
    """Transactions and statements on SQLite or PostgreSQL alike."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.dialect: Dialect = "sqlite" if isinstance(engine, PersistentSQLiteEngine) else "postgres"

    async def open(self) -> None:
        """Open connections and point every table at this database.

        Raises DatabaseAway when the database cannot be reached for now, and SettingsError when it never will
        with these settings. Piccolo finds its engine through module globals, so a process has one open
        database at a time.
        """
        piccolo_conf.DB = self.engine
        tables: tuple[type[Table], ...] = (*ALL_TABLES, Migration)
        for table in tables:
            table._meta.db = self.engine
        if isinstance(self.engine, PooledPostgresEngine):
            await self.engine.open()

    async def close(self) -> None:
        """Close every connection."""
        await self.engine.close()

    def transaction(self, *, durable: bool = True) -> AbstractAsyncContextManager[Any]:
        """A writing transaction. It commits when its block ends and rolls back when the block raises.

        `durable=False` is for writes that may be lost with the machine's power (progress, heartbeats).
        """
        return self.engine.transaction(durable=durable)

    async def fetch(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Run one SQL statement with `{}` for each argument and return its rows."""
        if isinstance(self.engine, PersistentSQLiteEngine):
            return await self.engine.run(questioned(sql), args)
        return [dict(row) for row in await self.engine.run(numbered(sql), args)]

    async def execute_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row of arguments, inside a transaction."""
        if isinstance(self.engine, PersistentSQLiteEngine):
            await self.engine.run_many(questioned(sql), rows)
        else:
            await self.engine.run_many(numbered(sql), rows)

    async def keep_reserve(self, *, is_start: bool = False) -> None:
        """Put room aside for a full disk, where that is ours to do: with SQLite."""
        if isinstance(self.engine, PersistentSQLiteEngine):
            await DiskReserve(self.engine).keep(is_start=is_start)

    async def use_reserve(self) -> bool:
        """Free the room that was put aside; whether a write that failed may now be tried again."""
        if not isinstance(self.engine, PersistentSQLiteEngine):
            return False
        await DiskReserve(self.engine).use()
        return True

    @property
    def in_transaction(self) -> bool:
        """Return whether whoever asks is inside a transaction of this database."""
        return self.engine.current_transaction.get() is not None

    async def change_token(self) -> object:
        """A value that is another one after every commit, by whichever process, to any table.

        Two equal tokens mean that nothing was committed between the two calls, whatever else may be:
        what was read after the first is still what would be read after the second.
        """
        if isinstance(self.engine, PersistentSQLiteEngine):
            return self.engine.commits.read()
        return await self.engine.commits.answer()

    async def data_version(self) -> int | None:
        """SQLite's counter of commits by other processes, which costs no query; None on PostgreSQL."""
        if isinstance(self.engine, PersistentSQLiteEngine):
            return await self.engine.writer.run(_data_version)
        return None


def _data_version(raw: sqlite3.Connection) -> int:
    version: int = raw.execute("PRAGMA data_version").fetchone()[0]
    return version
