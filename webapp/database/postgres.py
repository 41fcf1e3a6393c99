"""Piccolo on PostgreSQL, over a pool of connections."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.querystring import QueryString

from webapp.database.faults import postgres_faults
from webapp.database.shared_check import SharedCheck
from webapp.errors import DatabaseAway, SettingsError

POOL_SIZE = 10
# The longest wait for a connection, a new one or one that others use.
CONNECT_S = 10.0
# A process that stands still inside a transaction, or is cut off, keeps the queue's row no longer than this.
HANGING_TRANSACTION_MS = 3_000
SCHEMES = ("postgresql", "postgres")


class PooledTransaction(PostgresTransaction):
    """A transaction on a connection of the pool; nested ones join the outer one.

    A `durable` one survives power loss once it has ended; another may be undone by it, never torn.
    Unlike Piccolo's own, it gives its connection back whenever it is cancelled.
    """

    __slots__ = ("_durable",)
    engine: "PooledPostgresEngine"

    def __init__(
        self, engine: "PooledPostgresEngine", *, durable: bool = True, allow_nested: bool = True
    ) -> None:
        super().__init__(engine, allow_nested)
        self._durable = durable

    async def __aenter__(self) -> PostgresTransaction:
        if self._parent is not None:
            return self._parent
        with postgres_faults():
            self.connection = await self.engine.opened_pool.acquire(timeout=CONNECT_S)
            try:
                self.transaction = self.connection.transaction()
                await self.transaction.start()
                if not self._durable:
                    await self.connection.execute("SET LOCAL synchronous_commit = off")
            except BaseException:
                await asyncio.shield(self.engine.opened_pool.release(self.connection))
                raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        # Shielded: a cancelled request must neither leave a transaction open nor keep the connection.
        await asyncio.shield(self._end(failed=exception is not None))
        return exception is None

    async def _end(self, *, failed: bool) -> None:
        try:
            if failed and not self._rolled_back:
                # With the connection gone the server has undone it; the failure itself is what matters.
                with suppress(DatabaseAway), postgres_faults():
                    await self.transaction.rollback()
            elif not self._committed and not self._rolled_back:
                with postgres_faults():
                    await self.transaction.commit()
        finally:
            await self.engine.opened_pool.release(self.connection)


class PooledPostgresEngine(PostgresEngine):
    """A Piccolo engine over one PostgreSQL database, given by its URL."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in SCHEMES:
            raise SettingsError("SOUNDLOOM_DATABASE_URL must begin with postgresql:// (empty means SQLite).")
        super().__init__(config={"dsn": url})
        self.commits: SharedCheck[object] = SharedCheck(self._commits)

    def transaction(self, allow_nested: bool = True, *, durable: bool = True) -> PooledTransaction:
        """A transaction; with `durable=False` power loss may undo it, but never tear it."""
        return PooledTransaction(self, durable=durable, allow_nested=allow_nested)

    async def check_version(self) -> None:
        """Nothing: Piccolo asks for it when the engine is made, and making one must not connect."""

    @property
    def opened_pool(self) -> "asyncpg.Pool[asyncpg.Record]":
        """The pool. Raises RuntimeError before `open` and after `close`."""
        if self.pool is None:
            raise RuntimeError("the database is not open")
        return self.pool

    async def open(self) -> None:
        options: dict[str, Any] = {
            "min_size": 1,
            "max_size": POOL_SIZE,
            "reset": _nothing_to_reset,
            "server_settings": {"idle_in_transaction_session_timeout": str(HANGING_TRANSACTION_MS)},
        }
        await self.start_connection_pool(**options)

    async def close(self) -> None:
        if self.pool is not None:
            await self.close_connection_pool()

    async def run(self, sql: str, args: Sequence[Any]) -> "list[asyncpg.Record]":
        """Run one statement: in the present transaction, or on a connection of the pool."""
        transaction = self.current_transaction.get()
        rows: list[asyncpg.Record]
        with postgres_faults():
            if transaction is not None:
                rows = await transaction.connection.fetch(sql, *args)
            else:
                async with self.opened_pool.acquire(timeout=CONNECT_S) as connection:
                    rows = await connection.fetch(sql, *args)
        return rows

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> "list[asyncpg.Record]":
        sql, args = querystring.compile_string(engine_type=self.engine_type)
        return await self.run(sql, args)

    async def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row of arguments, in the present transaction."""
        transaction = self.current_transaction.get()
        if transaction is None:
            raise RuntimeError("not in a transaction")
        with postgres_faults():
            await transaction.connection.executemany(sql, rows)

    async def _commits(self) -> object:
        """The set of transactions that have ended, as the server writes it; each commit changes it."""
        with postgres_faults():
            async with self.opened_pool.acquire(timeout=CONNECT_S) as connection:
                return await connection.fetchval("SELECT pg_current_snapshot()::text")


async def _nothing_to_reset(_connection: object) -> None:
    """What a connection is used for leaves nothing behind: settings are those of a transaction (SET LOCAL).

    The driver's own way would cost a round trip whenever a connection is given back.
    """
