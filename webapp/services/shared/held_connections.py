"""Counts the connections that are held open over all servers, so that limits hold across them."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import Final
from weakref import WeakValueDictionary

from piccolo.query.functions.aggregate import Sum

from webapp.clock import Clock
from webapp.database import Database
from webapp.tables import HeldConnections

# How soon other servers learn of connections that were given back, and how often counts are renewed.
SETTLE_S: Final = 1.0
RENEW_S: Final = 10.0
# The counts of a server that is silent for so long are forgotten.
SILENT_MS: Final = 30_000


class ConnectionCounts:
    """The numbers of connections by holder, this server's beside those of the others.

    A server writes its own number before it reads the sum. Of two that take the last connection at the same
    time at least one therefore sees the other, and is refused. What is given back is written a moment later:
    a number may be too high for that long, and never too low.
    """

    def __init__(
        self, database: Database, clock: Clock, server: str, *, of_holder: Callable[[str], int]
    ) -> None:
        """`server` names this server; `of_holder` returns how many connections a holder has here now."""
        self._database = database
        self._clock = clock
        self._server = server
        self._of_holder = of_holder
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._changed: set[str] = set()
        # On SQLite one server has the file to itself.
        self._is_shared = database.dialect != "sqlite"

    async def exceeded(self, limits: Mapping[str, int]) -> str | None:
        """Write the present numbers of these holders, and return one that has more than its limit, if any."""
        if not self._is_shared:
            return None
        async with AsyncExitStack() as stack:
            for holder in sorted(limits):
                lock = self._locks.setdefault(holder, asyncio.Lock())
                await stack.enter_async_context(lock)
            await self._write(limits)
            totals = await (
                HeldConnections.select(HeldConnections.holder, Sum(HeldConnections.held, alias="total"))
                .where(
                    HeldConnections.holder.is_in(list(limits)),
                    HeldConnections.expires_ms > self._clock.now_ms(),
                )
                .group_by(HeldConnections.holder)
            )
        return next((row["holder"] for row in totals if row["total"] > limits[row["holder"]]), None)

    def given_back(self, holder: str) -> None:
        """Note that a holder has fewer connections than was written."""
        if self._is_shared:
            self._changed.add(holder)

    async def settle(self) -> None:
        """Write what was given back."""
        changed, self._changed = self._changed, set()
        try:
            for holder in sorted(changed):
                async with self._locks.setdefault(holder, asyncio.Lock()):
                    await self._write([holder])
        except BaseException:
            self._changed |= changed
            raise

    async def renew(self) -> None:
        """Keep this server's numbers, and forget those of servers that are silent."""
        if not self._is_shared:
            return
        now_ms = self._clock.now_ms()
        async with self._database.transaction(durable=False):
            await HeldConnections.update({HeldConnections.expires_ms: now_ms + SILENT_MS}).where(
                HeldConnections.server == self._server
            )
            await HeldConnections.delete().where(
                HeldConnections.server != self._server, HeldConnections.expires_ms <= now_ms
            )

    async def forget(self) -> None:
        """Take back all numbers of this server, which stops."""
        if self._is_shared:
            async with self._database.transaction(durable=False):
                await HeldConnections.delete().where(HeldConnections.server == self._server)

    async def _write(self, holders: Mapping[str, int] | list[str]) -> None:
        expires_ms = self._clock.now_ms() + SILENT_MS
        async with self._database.transaction(durable=False):
            for holder in holders:
                count = self._of_holder(holder)
                if count == 0:
                    await HeldConnections.delete().where(
                        HeldConnections.server == self._server, HeldConnections.holder == holder
                    )
                    continue
                row = HeldConnections(server=self._server, holder=holder, held=count, expires_ms=expires_ms)
                await HeldConnections.insert(row).on_conflict(
                    target=(HeldConnections.server, HeldConnections.holder),
                    action="DO UPDATE",
                    values=[HeldConnections.held, HeldConnections.expires_ms],
                )
