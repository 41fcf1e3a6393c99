"""The queue as it changes, for every reader of this process: read once, written once."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, TypeAlias

import msgspec
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.api.job_schemas import DetailedQueue, detailed_queue
from webapp.events import Bus
from webapp.http.sse import ServerEvent
from webapp.services.queue import QueueReader

COALESCE_S: Final = 0.1
# Shorter than the pause after a hint: what a reader gets was read after the change it was told of.
FRESH_FOR_S: Final = 0.08
# Hints may be lost, and waiting alone can change an order.
REFRESH_S: Final = 5.0
RETRY_MS: Final = 1_000


class QueueFeed:
    """Tells any number of readers what `/api/queue` says, whenever that has changed."""

    def __init__(
        self,
        queue: QueueReader,
        bus: Bus,
        *,
        coalesce_s: float = COALESCE_S,
        fresh_for_s: float = FRESH_FOR_S,
        refresh_s: float = REFRESH_S,
    ) -> None:
        self._queue = queue
        self._bus = bus
        self._coalesce_s = coalesce_s
        self._fresh_for_s = fresh_for_s
        self._refresh_s = refresh_s
        self._reading: asyncio.Task[ServerEvent] | None = None
        self._read_at = 0.0
        self._told: DetailedQueue | None = None
        self._event: ServerEvent | None = None

    async def events(self) -> AsyncGenerator[ServerEvent, None]:
        """The queue now, and after every change that shows; a burst of changes is one event."""
        told: ServerEvent | None = None
        with self._bus.subscribe() as hints:
            while True:
                event = await self._current()
                if event is not told:
                    yield event
                    told = event
                if await hints.wait(self._refresh_s):
                    await asyncio.sleep(self._coalesce_s)

    async def _current(self) -> ServerEvent:
        """The queue as an event, the same object as long as nothing that matters has changed."""
        now_s = asyncio.get_running_loop().time()
        if self._reading is None or now_s - self._read_at >= self._fresh_for_s:
            self._read_at = now_s
            self._reading = asyncio.create_task(self._read())
        # One reader who leaves must not take the reading away from the others.
        return await asyncio.shield(self._reading)

    async def _read(self) -> ServerEvent:
        snapshot = await self._queue.snapshot()
        queue = detailed_queue(snapshot)
        if self._event is None or self._told is None or not _looks_alike(queue, self._told):
            self._told = queue
            self._event = ServerEvent(
                msgspec.json.encode(queue).decode(),
                name="queue",
                event_id=str(snapshot.version),
                retry_ms=RETRY_MS,
            )
        return self._event


def _looks_alike(queue: DetailedQueue, other: DetailedQueue) -> bool:
    """Whether two readings differ in nothing but expected starts, which move on with the clock."""
    return _without_clock(queue) == _without_clock(other)


def _without_clock(queue: DetailedQueue) -> DetailedQueue:
    jobs = [msgspec.structs.replace(job, expected_start=None) for job in queue.jobs]
    return msgspec.structs.replace(queue, jobs=jobs)


# What handlers ask for by the name `queue_feed`.
InjectedQueueFeed: TypeAlias = NamedDependency[SkipValidation[QueueFeed]]
