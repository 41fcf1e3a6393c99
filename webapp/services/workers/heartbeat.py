"""The heartbeat by which a worker keeps all its leases and reports their progress."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

from webapp.database.patience import Outage

# However much there is to report, there is one statement in this time for each worker.
LEAST_S: Final = 1.0


class Heartbeat:
    """Beats every so often, and earlier when there is something to report, but never in quick succession."""

    def __init__(self, beat: Callable[[], Awaitable[None]], *, every_s: float, log: logging.Logger) -> None:
        """`beat` may fail: the next one makes up for it."""
        self._beat = beat
        self._least_s = min(LEAST_S, every_s)
        self._further_s = every_s - self._least_s
        self._outage = Outage(log, "the renewal of leases")
        self._has_news = asyncio.Event()

    def report_soon(self) -> None:
        """Beat as soon as the last beat is long enough ago."""
        self._has_news.set()

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Beat while the block runs."""
        beating = asyncio.create_task(self._run())
        try:
            yield
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)

    async def _run(self) -> None:
        # Nothing was reported yet, so the first report need not wait.
        await self._news(self._least_s + self._further_s)
        while True:
            self._has_news.clear()
            with self._outage:
                await self._beat()
            await asyncio.sleep(self._least_s)
            await self._news(self._further_s)

    async def _news(self, timeout_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._has_news.wait()
