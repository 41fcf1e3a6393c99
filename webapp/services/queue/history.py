"""The last hour of the queue, computed from the jobs' rows."""

from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.queue.history import Span, Stay, spans
from webapp.services.queue import queries

SPAN_MS: Final = 120_000
SPANS: Final = 30
FRESH_FOR_MS: Final = 5_000


class QueueHistory:
    """Computes queue depth and waits in steps of two minutes.

    Nothing is sampled, so restarts leave no gaps.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._read_ms: int | None = None
        self._spans: tuple[Span, ...] = ()

    async def last_hour(self) -> tuple[Span, ...]:
        """Return the last hour, oldest first, at most five seconds old."""
        now_ms = self._clock.now_ms()
        if self._read_ms is None or not 0 <= now_ms - self._read_ms < FRESH_FOR_MS:
            since_ms = now_ms - SPANS * SPAN_MS
            rows = await queries.stays(self._database, since_ms)
            stays = [Stay(row["created_ms"], row["left_ms"], bool(row["was_started"])) for row in rows]
            self._spans = spans(stays, until_ms=now_ms, span_ms=SPAN_MS, count=SPANS)
            self._read_ms = now_ms
        return self._spans
