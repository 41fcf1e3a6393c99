"""Carries percentages from the generating thread to the database, not more often than anyone looks."""

import asyncio
import logging
from collections.abc import Callable

from webapp.errors import LeaseLost
from webapp.services.queue.leases import Claim, Leases

logger = logging.getLogger(__name__)

INTERVAL_S = 0.2


class ProgressReporter:
    """Writes the newest percentage of one job at most every `INTERVAL_S`; numbers only grow."""

    def __init__(self, leases: Leases, claim: Claim, lost: Callable[[], None]) -> None:
        """`lost` is called when the claim no longer holds, as when the job was stopped."""
        self._leases = leases
        self._claim = claim
        self._lost = lost
        self._loop = asyncio.get_running_loop()
        self._newest = 0
        self._changed = asyncio.Event()

    def report(self, progress_pct: int) -> None:
        """Take how far the job is; may be called from any thread."""
        self._loop.call_soon_threadsafe(self._take, progress_pct)

    async def run(self) -> None:
        """Write until cancelled. A write that fails is made up for by the next."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._leases.report_progress(self._claim, self._newest)
            except LeaseLost:
                self._lost()
                return
            except Exception:
                logger.warning("could not write progress", extra={"job": self._claim.job_id}, exc_info=True)
            await asyncio.sleep(INTERVAL_S)

    def _take(self, progress_pct: int) -> None:
        if progress_pct > self._newest:
            self._newest = progress_pct
            self._changed.set()
