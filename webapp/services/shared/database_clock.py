"""One time for all hosts: the clock of the database server.

Leases, limits and the order compare times that different processes wrote. On one machine its own clock
serves; with PostgreSQL the hosts' clocks may differ, and a worker whose clock is behind by more than a
lease would lose every job at once. So each process measures how far its clock is from the server's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import Outage

logger = logging.getLogger(__name__)

# While one process knows of a step of the server's clock and another does not, leases lapse: not for long.
MEASURE_EVERY_S: Final = 5.0
# The quickest of a few answers says most: it was on its way for the shortest time.
ROUND_TRIPS: Final = 3
WORTH_A_LINE_MS: Final = 1_000


class SharedClock:
    """This machine's clock, set right by the database server's."""

    def __init__(self, database: Database, own: Clock) -> None:
        self._database = database
        self._own = own
        self._offset_ms = 0

    def now_ms(self) -> int:
        return self._own.now_ms() + self._offset_ms

    async def measure(self) -> None:
        """Find how far the two clocks are apart now. Raises what the database raises."""
        quickest_ms, offset_ms = None, 0
        for _ in range(ROUND_TRIPS):
            asked_ms = self._own.now_ms()
            rows = await self._database.fetch(
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms"
            )
            took_ms = self._own.now_ms() - asked_ms
            if quickest_ms is None or took_ms < quickest_ms:
                quickest_ms, offset_ms = took_ms, rows[0]["now_ms"] - asked_ms - took_ms // 2
        if abs(offset_ms - self._offset_ms) >= WORTH_A_LINE_MS:
            logger.warning("this clock is not the database's", extra={"ahead_ms": -offset_ms})
        self._offset_ms = offset_ms

    async def follow(self) -> None:
        """Measure again and again, for ever."""
        outage = Outage(logger, "the comparison of clocks")
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            with outage:
                await self.measure()


@asynccontextmanager
async def shared_clock(database: Database, own: Clock) -> AsyncIterator[Clock]:
    """The clock that everybody who uses this database goes by, while the block runs."""
    if database.dialect == "sqlite":
        yield own
        return
    clock = SharedClock(database, own)
    await clock.measure()
    following = asyncio.create_task(clock.follow())
    try:
        yield clock
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
