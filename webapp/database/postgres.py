"""Piccolo on PostgreSQL, over a pool of connections."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final

import asyncpg
from piccolo.engine.postgres import PostgresEngine, PostgresTransaction
from piccolo.querystring import QueryString

from webapp.database.address import LISTEN_VARIABLE
from webapp.database.faults import postgres_faults
from webapp.database.link import (
    Connection,
    PostgresLimits,
    PostgresLink,
    refuse_encoding,
    wrong_settings,
)
from webapp.database.shared_check import SharedCheck
from webapp.errors import DatabaseAway

# How long a connection that failed gets to be put in order before it is thrown away.
TIDY_UP_S: Final = 1.0
CLOSE_S: Final = 2.0


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
            self.connection = await self.engine.take()
            try:
                async with asyncio.timeout(self.engine.link.patience_s):
                    await self._begin()
            except BaseException:
                await asyncio.shield(self.engine.give_back(self.connection))
                raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def _begin(self) -> None:
        self.transaction = self.connection.transaction()
        await self.transaction.start()
        if settings := self.engine.link.transaction_settings(is_durable=self._durable):
            await self.connection.execute(settings)

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
                    async with asyncio.timeout(TIDY_UP_S):
                        await self.transaction.rollback()
            elif not self._committed and not self._rolled_back:
                with postgres_faults():
                    async with asyncio.timeout(self.engine.link.patience_s):
                        await self.transaction.commit()
        finally:
            await self.engine.give_back(self.connection)


class PooledPostgresEngine(PostgresEngine):
    """A Piccolo engine over the PostgreSQL database of a URL. Raises SettingsError for a wrong one."""

    def __init__(self, url: str, limits: PostgresLimits | None = None, *, direct_url: str = "") -> None:
        """`direct_url`, if any: the same database, where the URL leads to a pooler of transactions."""
        self._is_behind_pooler = bool(direct_url)
        self.link = PostgresLink(url, limits, is_pooled=self._is_behind_pooler)
        self._direct = PostgresLink(direct_url, limits, variable=LISTEN_VARIABLE) if direct_url else self.link
        super().__init__(config={})
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
        """Connect. Raises SettingsError for what will never do, and DatabaseAway for what may pass."""
        with postgres_faults(), wrong_settings():
            async with asyncio.timeout(self.link.limits.connect_s):
                self.pool = await asyncpg.create_pool(
                    min_size=1,
                    max_size=self.link.limits.connections,
                    reset=_nothing_to_reset,
                    **self.link.arguments(),
                )
            rows = await self.run("SELECT current_setting('server_encoding') AS encoding", ())
        refuse_encoding(rows[0]["encoding"])

    async def close(self) -> None:
        """Hang up; from a server that does not answer, without waiting for its goodbye."""
        if self.pool is None:
            return
        try:
            # The pool stays until then: it waits for connections in use, which are given back to it.
            async with asyncio.timeout(CLOSE_S):
                await self.pool.close()
        except (TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            self.pool.terminate()
        finally:
            self.pool = None

    async def get_new_connection(self) -> Connection:
        """A connection outside the pool, whose statements have no time limit. Raises DatabaseAway."""
        with postgres_faults():
            return await self._direct.connect(is_limited=False)

    async def take(self) -> Connection:
        """A connection of the pool. Raises what the driver raises, and TimeoutError when there is none."""
        connection: Connection = await self.opened_pool.acquire(timeout=self.link.limits.connect_s)
        return connection

    async def give_back(self, connection: Connection) -> None:
        """Let others have a connection; the pool throws it away if it cannot be put in order soon."""
        with suppress(TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            await self.opened_pool.release(connection, timeout=TIDY_UP_S)

    async def run(self, sql: str, args: Sequence[Any]) -> "list[asyncpg.Record]":
        """Run one statement: in the present transaction, or on a connection of the pool."""
        transaction = self.current_transaction.get()
        rows: list[asyncpg.Record]
        with postgres_faults():
            if transaction is not None:
                rows = await transaction.connection.fetch(sql, *args, timeout=self.link.patience_s)
            else:
                rows = await self._run_alone(sql, args)
        return rows

    async def _run_alone(self, sql: str, args: Sequence[Any]) -> "list[asyncpg.Record]":
        """Run one statement outside a transaction.

        Behind a pooler it gets one: the driver parses and executes a statement in two steps, which could
        otherwise meet two connections of the pooler's.
        """
        rows: list[asyncpg.Record]
        if self._is_behind_pooler:
            async with PooledTransaction(self) as transaction:
                rows = await transaction.connection.fetch(sql, *args, timeout=self.link.patience_s)
            return rows
        connection = await self.take()
        try:
            rows = await connection.fetch(sql, *args, timeout=self.link.patience_s)
        finally:
            await asyncio.shield(self.give_back(connection))
        return rows

    async def run_querystring(self, querystring: QueryString, in_pool: bool = True) -> "list[asyncpg.Record]":
        sql, args = querystring.compile_string(engine_type=self.engine_type)
        return await self.run(sql, args)

    async def run_ddl(self, ddl: str, in_pool: bool = True) -> "list[asyncpg.Record]":
        return await self.run(ddl, ())

    async def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row of arguments, in the present transaction."""
        transaction = self.current_transaction.get()
        if transaction is None:
            raise RuntimeError("not in a transaction")
        with postgres_faults():
            await transaction.connection.executemany(sql, rows, timeout=self.link.patience_s)

    async def _commits(self) -> object:
        """The set of transactions that have ended, as the server writes it; each commit changes it."""
        rows = await self.run("SELECT pg_current_snapshot()::text AS ended", ())
        return rows[0]["ended"]


async def _nothing_to_reset(_connection: object) -> None:
    """Leaves a returned connection as it is: settings are those of a transaction (SET LOCAL).

    The driver's own way would cost a round trip whenever a connection is given back.
    """
