"""Piccolo on SQLite with persistent connections.

Piccolo's own SQLite engine opens a connection, and a thread, for every statement. This one keeps a
single writing connection, whose transactions are `BEGIN IMMEDIATE` and wait for each other in order
of arrival, a few reading connections that cannot write, and one that only looks whether there was a
commit.
"""

import asyncio
import contextvars
import math
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from piccolo.engine.sqlite import SQLiteEngine, SQLiteTransaction, TransactionType
from piccolo.querystring import QueryString

from webapp.database.faults import sqlite_faults
from webapp.database.sqlite_file import DatabaseFile
from webapp.errors import DatabaseAway, DatabaseDamaged

Row = dict[str, Any]
T = TypeVar("T")

BUSY_TIMEOUT_MS = 10_000
READERS = 3
CLOSE_S = 2.0
READING_VERBS = ("SELECT", "WITH", "EXPLAIN")


class Connection:
    """One SQLite connection and the one thread that uses it; its calls run in the order they were made."""

    def __init__(self, file: DatabaseFile, *, read_only: bool) -> None:
        self._executor = ThreadPoolExecutor(
            1, thread_name_prefix="sqlite-read" if read_only else "sqlite-write"
        )
        self._file = file
        self._read_only = read_only
        self._raw: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` on the connection's thread and return what it returns.

        Raises DatabaseAway and StorageFull.
        """
        loop = asyncio.get_running_loop()
        with self._file.noting_damage(), sqlite_faults(self._file.path):
            return await loop.run_in_executor(self._executor, lambda: work(self._opened()))

    async def execute(self, sql: str, args: Sequence[Any] = ()) -> list[Row]:
        """Run one statement to its end and return its rows."""

        def work(raw: sqlite3.Connection) -> list[Row]:
            cursor = raw.execute(sql, args)
            try:
                names = [column[0] for column in cursor.description or ()]
                return [dict(zip(names, row, strict=True)) for row in cursor]
            finally:
                cursor.close()

        return await self.run(work)

    async def close(self) -> None:
        def work(raw: sqlite3.Connection) -> None:
            raw.close()

        if self._raw is not None:
            with sqlite_faults(self._file.path):
                await asyncio.get_running_loop().run_in_executor(self._executor, work, self._raw)
        self._executor.shutdown(wait=False)

    def _opened(self) -> sqlite3.Connection:
        if self._raw is None:
            self._file.check()
            raw = sqlite3.connect(
                self._file.path,
                timeout=BUSY_TIMEOUT_MS / 1000,
                isolation_level=None,
                detect_types=sqlite3.PARSE_DECLTYPES | sqlite3.PARSE_COLNAMES,
                check_same_thread=False,
                cached_statements=512,
            )
            raw.execute("PRAGMA journal_mode = WAL")
            raw.execute("PRAGMA foreign_keys = ON")
            raw.execute(f"PRAGMA query_only = {'ON' if self._read_only else 'OFF'}")
            self._file.opened()
            self._raw = raw
        return self._raw


class CommitCounter:
    """Tells whether anybody, this process included, has committed since it was last asked.

    SQLite keeps the answer in memory that all processes share, so asking takes a few microseconds and
    never waits for a writer: it is done on the event loop's own thread. All who ask in one round of the
    loop share an answer; their requests were all there before the round began.
    """

    def __init__(self, file: DatabaseFile) -> None:
        self._file = file
        self._raw: sqlite3.Connection | None = None
        self._of_this_round: object = None

    def read(self) -> object:
        """A value that differs after every commit; when SQLite cannot tell, one that equals no other."""
        if self._of_this_round is None:
            self._of_this_round = self._ask()
            asyncio.get_running_loop().call_soon(self._end_round)
        return self._of_this_round

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()

    def _ask(self) -> object:
        try:
            self._file.check_itself()
            if self._raw is None:
                self._raw = sqlite3.connect(self._file.path, timeout=0, isolation_level=None)
            return self._raw.execute("PRAGMA data_version").fetchone()[0]
        except (sqlite3.DatabaseError, DatabaseAway):
            return object()

    def _end_round(self) -> None:
        self._of_this_round = None


class ImmediateTransaction(SQLiteTransaction):
    """A writing transaction on the engine's one writing connection; nested ones join the outer one.

    A `durable` one survives power loss once it has ended; another may be undone by it, never torn.
    """

    __slots__ = ("_durable",)
    engine: "PersistentSQLiteEngine"

    def __init__(self, engine: "PersistentSQLiteEngine", *, durable: bool = True) -> None:
        super().__init__(engine, TransactionType.immediate)
        self._durable = durable

    async def __aenter__(self) -> SQLiteTransaction:
        if self._parent is not None:
            return self._parent
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + BUSY_TIMEOUT_MS / 1000
        await self._take_turn(BUSY_TIMEOUT_MS / 1000)
        try:
            self.connection = self.engine.writer
            synchronous = "FULL" if self._durable else "NORMAL"
            # Whole seconds: each text is a statement of its own in SQLite's cache.
            patience_ms = min(BUSY_TIMEOUT_MS, 1000 * max(1, math.ceil(deadline_s - loop.time())))
            await self.connection.run(lambda raw: self._begin(raw, synchronous, patience_ms))
        except BaseException:
            await asyncio.shield(self._leave())
            raise
        self.context = self.engine.current_transaction.set(self)
        return self

    async def _take_turn(self, patience_s: float) -> None:
        """Wait for the writers of this process that came first. Raises DatabaseAway."""
        try:
            async with asyncio.timeout(patience_s):
                await self.engine.write_lock.acquire()
        except TimeoutError as error:
            raise DatabaseAway("other writers took too long") from error

    def _begin(self, raw: sqlite3.Connection, synchronous: str, patience_ms: int) -> None:
        # What is written to a file that was deleted would be lost without anybody knowing.
        self.engine.file.check()
        raw.execute(f"PRAGMA busy_timeout = {patience_ms}")
        raw.execute(f"PRAGMA synchronous = {synchronous}")
        raw.execute("BEGIN IMMEDIATE")

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if self._parent is not None:
            return exception is None
        self.engine.current_transaction.reset(self.context)
        keep = exception is None and not self._rolled_back
        # Shielded: a cancelled request must neither leave a transaction open nor the lock held.
        await asyncio.shield(self._end(commit=keep and not self._committed))
        return exception is None

    async def _end(self, *, commit: bool) -> None:
        try:
            if commit:
                await self.connection.execute("COMMIT")
                self._committed = True
        finally:
            await self._leave()

    async def _leave(self) -> None:
        try:
            await self.connection.run(_roll_back_if_open)
        finally:
            self.engine.write_lock.release()


def _roll_back_if_open(raw: sqlite3.Connection) -> None:
    if raw.in_transaction:
        raw.execute("ROLLBACK")


class PersistentSQLiteEngine(SQLiteEngine):
    """A Piccolo engine over one SQLite file in WAL mode."""

    __slots__ = ("_idle_readers", "_readers", "commits", "file", "write_lock", "writer")

    def __init__(self, path: Path) -> None:
        super().__init__(path=str(path))
        self.current_transaction: contextvars.ContextVar[SQLiteTransaction | None]
        self.file = DatabaseFile(path)
        self.writer = Connection(self.file, read_only=False)
        self.write_lock = asyncio.Lock()
        self.commits = CommitCounter(self.file)
        self._readers = [Connection(self.file, read_only=True) for _ in range(READERS)]
        self._idle_readers: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for reader in self._readers:
            self._idle_readers.put_nowait(reader)

    def transaction(
        self,
        transaction_type: TransactionType | None = None,
        allow_nested: bool = True,
        *,
        durable: bool = True,
    ) -> ImmediateTransaction:
        """A writing transaction; Piccolo's arguments are accepted, and every kind is immediate."""
        return ImmediateTransaction(self, durable=durable)

    async def run_querystring(self, querystring: QueryString, in_pool: bool = False) -> list[Row]:
        sql, args = querystring.compile_string(engine_type=self.engine_type)
        return await self.run(sql, args)

    async def run_ddl(self, ddl: str, in_pool: bool = False) -> list[Row]:
        return await self.run(ddl, ())

    async def close(self) -> None:
        """Close every connection; the engine cannot be used again."""
        is_ours = False
        # A transaction whose task was cancelled comes to its end by itself.
        with suppress(TimeoutError):
            is_ours = await asyncio.wait_for(self.write_lock.acquire(), CLOSE_S)
        try:
            self.commits.close()
            for connection in (*self._readers, self.writer):
                await connection.close()
        finally:
            if is_ours:
                self.write_lock.release()

    async def run(self, sql: str, args: Sequence[Any]) -> list[Row]:
        """Run one statement: in the present transaction, on a reading connection, or in one of its own."""
        if self.current_transaction.get() is not None:
            return await self.writer.execute(sql, args)
        if sql.lstrip().upper().startswith(READING_VERBS):
            reader = await self._idle_readers.get()
            try:
                self.file.check()
                return await reader.execute(sql, args)
            finally:
                self._idle_readers.put_nowait(reader)
        rows: list[Row] = []
        async with self.transaction():
            rows += await self.writer.execute(sql, args)
        return rows

    async def quick_check(self) -> None:
        """Look through the whole file. Raises DatabaseDamaged."""
        with self.file.noting_damage():
            rows = await self.run("SELECT quick_check FROM pragma_quick_check(1)", ())
            if found := [str(row["quick_check"]) for row in rows if row["quick_check"] != "ok"]:
                raise DatabaseDamaged(found[0])

    async def run_many(self, sql: str, rows: Sequence[Sequence[object]]) -> None:
        """Run one statement for each row of arguments, in the present transaction."""
        if self.current_transaction.get() is None:
            raise RuntimeError("not in a transaction")
        await self.writer.run(lambda raw: raw.executemany(sql, rows).close())
