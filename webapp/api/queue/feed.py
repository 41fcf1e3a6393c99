"""The queue as it changes, for every reader of this process: read once, written once."""

from collections.abc import AsyncGenerator, Sequence
from typing import Final, TypeAlias

import msgspec
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.api.queue.queue_schemas import DetailedQueue, detailed_queue
from webapp.events import Bus, Event
from webapp.http.streams.broadcast import INTERVAL_S, Broadcast, Story, Telling
from webapp.http.streams.sse import ServerEvent
from webapp.services.queue.snapshot import QueueReader

RETRY_MS: Final = 1_000


class QueueFeed:
    """Tells any number of readers what `/api/queue` says, whenever that has changed."""

    def __init__(self, queue: QueueReader, bus: Bus, *, interval_s: float = INTERVAL_S) -> None:
        self._queue = queue
        self._broadcast = Broadcast(bus, self._begin, interval_s=interval_s)

    def events(self) -> AsyncGenerator[ServerEvent, None]:
        """The queue now, and after every change that shows; a burst of changes is one event."""
        return self._broadcast.events()

    def _begin(self) -> Story:
        told: DetailedQueue | None = None

        async def read(_hints: Sequence[Event]) -> Telling | None:
            nonlocal told
            snapshot = await self._queue.snapshot()
            queue = detailed_queue(snapshot)
            if told is not None and _looks_alike(queue, told):
                return None
            told = queue
            body = msgspec.json.encode(queue).decode()
            event = ServerEvent(body, name="queue", event_id=str(snapshot.version), retry_ms=RETRY_MS)
            return Telling(event, lambda: event)

        return read


def _looks_alike(queue: DetailedQueue, other: DetailedQueue) -> bool:
    """Return whether two readings differ in nothing but expected starts, which move on with the clock."""
    return _without_clock(queue) == _without_clock(other)


def _without_clock(queue: DetailedQueue) -> DetailedQueue:
    jobs = [msgspec.structs.replace(job, expected_start=None) for job in queue.jobs]
    return msgspec.structs.replace(queue, jobs=jobs)


# What handlers ask for by the name `queue_feed`.
InjectedQueueFeed: TypeAlias = NamedDependency[SkipValidation[QueueFeed]]
