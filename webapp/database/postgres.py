"""Piccolo on PostgreSQL, over a pool of connections."""

from typing import Any
from urllib.parse import urlsplit

from piccolo.engine.postgres import PostgresEngine, PostgresTransaction

from webapp.errors import SettingsError

POOL_SIZE = 10
SCHEMES = ("postgresql", "postgres")


class DurabilityTransaction(PostgresTransaction):
    """A transaction that may be told not to wait for the disk; nested ones join the outer one."""

    __slots__ = ("_durable",)

    def __init__(self, engine: PostgresEngine, *, durable: bool = True, allow_nested: bool = True) -> None:
        super().__init__(engine, allow_nested)
        self._durable = durable

    async def begin(self) -> None:
        await self.transaction.start()
        if not self._durable:
            await self.connection.execute("SET LOCAL synchronous_commit = off")


class PooledPostgresEngine(PostgresEngine):
    """A Piccolo engine over one PostgreSQL database, given by its URL."""

    def __init__(self, url: str) -> None:
        if urlsplit(url).scheme not in SCHEMES:
            raise SettingsError("SOUNDLOOM_DATABASE_URL must begin with postgresql:// (empty means SQLite).")
        super().__init__(config={"dsn": url})

    def transaction(self, allow_nested: bool = True, *, durable: bool = True) -> DurabilityTransaction:
        """A transaction; with `durable=False` power loss may undo it, but never tear it."""
        return DurabilityTransaction(self, durable=durable, allow_nested=allow_nested)

    async def open(self) -> None:
        options: dict[str, Any] = {"min_size": 1, "max_size": POOL_SIZE}
        await self.start_connection_pool(**options)

    async def close(self) -> None:
        if self.pool is not None:
            await self.close_connection_pool()
