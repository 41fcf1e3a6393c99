"""Writes that accompany a read, such as the count of a download, and never make the read fail.

While the database accepts writes promptly, the read waits for them, so that the answer includes the count.
After a failed or slow write, reads go on without: no other write is tried for some seconds.
"""

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

from webapp.database.patience import PASSING, Outage

logger = logging.getLogger(__name__)

PATIENCE_S: Final = 0.25
RETRY_S: Final = 5.0


class BestEffort:
    """Does such writes, and logs once when they begin to fail."""

    def __init__(self, what: str, *, patience_s: float = PATIENCE_S, retry_s: float = RETRY_S) -> None:
        self._outage = Outage(logger, what)
        self._patience_s = patience_s
        self._retry_s = retry_s
        self._not_before_s = 0.0
        self._late = 0

    async def write(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Do `work` if the database is prompt. Raises what `work` raises, unless it raises it too late."""
        loop = asyncio.get_running_loop()
        if self._late or loop.time() < self._not_before_s:
            return
        # In a context of its own: it belongs to no transaction, and continues after the request has ended.
        task = asyncio.create_task(self._try(work), context=contextvars.Context())
        await asyncio.wait((task,), timeout=self._patience_s)
        if task.done():
            task.result()
        else:
            self._late += 1
            self._outage.begun(TimeoutError())
            task.add_done_callback(self._has_ended)

    def _has_ended(self, late: asyncio.Task[None]) -> None:
        self._late -= 1
        # Nobody waits for its result or its exception any more.
        _ = late.cancelled() or late.exception()

    async def _try(self, work: Callable[[], Coroutine[Any, Any, object]]) -> None:
        try:
            await work()
        except PASSING as error:
            self._not_before_s = asyncio.get_running_loop().time() + self._retry_s
            self._outage.begun(error)
        else:
            self._outage.over()
