"""Waiting for a database or storage that is away: every process does it, and says so once."""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from random import SystemRandom
from types import TracebackType
from typing import Final, TypeVar

from webapp.database.faults import reason_of
from webapp.errors import DatabaseAway, DatabaseDamaged, StorageAway, StorageFull

T = TypeVar("T")

FIRST_DELAY_S: Final = 0.1
LONGEST_DELAY_S: Final = 5.0
PASSING: Final = (DatabaseAway, StorageFull, StorageAway)

logger = logging.getLogger(__name__)
_draw: Final = SystemRandom().random


class Outage:
    """Tells the log when something begins to fail, and when it works again; not each time it fails.

    `with` it, what is done again and again goes on after a failure: every exception ends at the block.
    """

    def __init__(self, log: logging.Logger, what: str, *, level: int = logging.WARNING) -> None:
        self._log = log
        self._what = what
        self._level = level
        self._reason: str | None = None

    def __enter__(self) -> None:
        return

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if error is None:
            self.over()
        elif isinstance(error, Exception):
            self.begun(error)
            return True
        return False

    def begun(self, error: BaseException) -> None:
        """It failed. What is no outage, but an error of ours, is told in full."""
        reason = _reason(error)
        if not isinstance(error, (*PASSING, OSError)):
            self._log.error("%s failed", self._what, exc_info=error)
        elif self._reason is None:
            self._log.log(
                self._level, "%s is not to be had for now; trying again", self._what, extra={"reason": reason}
            )
        self._reason = reason

    def over(self) -> None:
        """It worked."""
        if self._reason is not None:
            self._log.log(self._level, "%s is back", self._what)
            self._reason = None


def retry_delay_s(failures: int, draw: Callable[[], float] = _draw) -> float:
    """Return the wait after so many failures in a row: longer each time, and never as long as others do."""
    longest: float = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(failures, 16))
    return longest * (0.5 + draw() / 2)


async def until_there(
    work: Callable[[], Awaitable[T]],
    *,
    for_s: float = math.inf,
    draw: Callable[[], float] = _draw,
) -> T:
    """Do `work`, and again while database or storage are away or a disk is full, for `for_s` seconds at most.

    Raises what `work` raises: what does not pass at once, the rest when the time is up.
    """
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + for_s
    # Somebody at a terminal is told the reason at the end anyway.
    level = logging.WARNING if math.isinf(for_s) else logging.DEBUG
    database, storage = (Outage(logger, what, level=level) for what in ("the database", "the storage"))
    failures = 0
    while True:
        try:
            done = await work()
        except DatabaseDamaged:
            raise
        except PASSING as error:
            delay_s = retry_delay_s(failures, draw)
            failures += 1
            if loop.time() + delay_s > deadline_s:
                raise
            (storage if isinstance(error, StorageAway) else database).begun(error)
            await asyncio.sleep(delay_s)
        else:
            database.over()
            storage.over()
            return done


def _reason(error: BaseException) -> str:
    if isinstance(error, DatabaseAway | StorageAway) and error.reason:
        return error.reason
    return reason_of(error)
