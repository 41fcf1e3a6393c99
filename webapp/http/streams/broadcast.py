"""One story told to many listeners: read once and written once per change, however many there are."""

import asyncio
import contextvars
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from webapp.events import Bus, Event
from webapp.http.streams.sse import ServerEvent

# A burst of changes is told at most this often; the first change after a quiet time is told at once.
INTERVAL_S: Final = 0.1
# Hints may be lost, and time alone can change what is told.
REFRESH_S: Final = 5.0

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Telling:
    """A change: `news` for those who were told what was before it, `whole` for everybody else."""

    news: ServerEvent
    whole: Callable[[], ServerEvent]


# Given the hints since the last reading, reads and returns what is to be told; None for nothing new.
Story = Callable[[Sequence[Event]], Awaitable[Telling | None]]


class Broadcast:
    """Follows a story while anybody listens.

    A listener who is slower than the story misses what lies between and is told the whole again.
    """

    def __init__(
        self,
        bus: Bus,
        begin: Callable[[], Story],
        *,
        interval_s: float = INTERVAL_S,
        refresh_s: float = REFRESH_S,
    ) -> None:
        """`begin` starts the story afresh; its first reading must return a telling."""
        self._bus = bus
        self._begin = begin
        self._interval_s = interval_s
        self._refresh_s = refresh_s
        self._listeners = 0
        self._follower: asyncio.Task[None] | None = None
        self._number = 0
        self._telling: Telling | None = None
        self._changed = asyncio.Event()

    async def events(self) -> AsyncGenerator[ServerEvent, None]:
        """The story for one listener: all of it, then what changes."""
        self._listeners += 1
        if self._follower is None:
            # A context of its own: it belongs to no request.
            self._follower = asyncio.create_task(self._follow(), context=contextvars.Context())
        told = None
        try:
            while True:
                while self._telling is None or self._number == told:
                    await self._changed.wait()
                is_next = told is not None and self._number == told + 1
                told, telling = self._number, self._telling
                yield telling.news if is_next else telling.whole()
        finally:
            self._listeners -= 1
            if not self._listeners:
                await self._stop()

    async def _stop(self) -> None:
        follower, self._follower, self._telling = self._follower, None, None
        if follower is not None:
            follower.cancel()
            await asyncio.gather(follower, return_exceptions=True)

    async def _follow(self) -> None:
        loop = asyncio.get_running_loop()
        story = self._begin()
        hints: list[Event] = []
        with self._bus.subscribe() as subscription:
            while True:
                read_at = loop.time()
                try:
                    telling = await story(hints)
                except Exception:
                    # Listeners keep what they have; the next reading begins the story again.
                    logger.exception("could not read what is to be told")
                    story = self._begin()
                else:
                    self._tell(telling)
                hints = await subscription.wait(self._refresh_s)
                await asyncio.sleep(read_at + self._interval_s - loop.time())

    def _tell(self, telling: Telling | None) -> None:
        if telling is None:
            return
        self._number += 1
        self._telling = telling
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
