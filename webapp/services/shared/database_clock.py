"""One clock for all hosts: the database server's.

Leases, limits and the queue's order compare times that different processes wrote. On a single machine its own
clock will do. With PostgreSQL the hosts' clocks may differ, and a worker whose clock is slow by more than a
lease would lose every job at once. So each process measures its clock's offset from the server's.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import Outage
from webapp.services.shared.queries import server_time_ms

logger = logging.getLogger(__name__)

# After a step of the server's clock, leases lapse until every process has measured it: keep this short.
MEASURE_EVERY_S: Final = 5.0
# The quickest of a few round trips gives the most accurate offset.
ROUND_TRIPS: Final = 3
WORTH_A_LINE_MS: Final = 1_000


class DatabaseClock:
    """This machine's clock, corrected by its offset from the database server's."""

    def __init__(self, database: Database, own: Clock) -> None:
        self._database = database
        self._own = own
        self._offset_ms = 0

    def now_ms(self) -> int:
        return self._own.now_ms() + self._offset_ms

    async def measure(self) -> None:
        """Measure the offset between the two clocks. Raises what the database raises."""
        quickest_ms, offset_ms = None, 0
        for _ in range(ROUND_TRIPS):
            asked_ms = self._own.now_ms()
            server_ms = await server_time_ms(self._database)
            took_ms = self._own.now_ms() - asked_ms
            if quickest_ms is None or took_ms < quickest_ms:
                quickest_ms, offset_ms = took_ms, server_ms - asked_ms - took_ms // 2
        if abs(offset_ms - self._offset_ms) >= WORTH_A_LINE_MS:
            logger.warning("this clock is not the database's", extra={"ahead_ms": -offset_ms})
        self._offset_ms = offset_ms

    async def follow(self) -> None:
        """Measure periodically, for ever."""
        outage = Outage(logger, "the comparison of clocks")
        while True:
            await asyncio.sleep(MEASURE_EVERY_S)
            with outage:
                await self.measure()


@asynccontextmanager
async def database_clock(database: Database, own: Clock) -> AsyncIterator[Clock]:
    """Provide the clock that all processes of this database share, while the block runs."""
    if database.dialect == "sqlite":
        yield own
        return
    clock = DatabaseClock(database, own)
    await clock.measure()
    following = asyncio.create_task(clock.follow())
    try:
        yield clock
    finally:
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
