"""The last hour of the queue, read from the jobs themselves."""

from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.history import Span, Stay, spans

SPAN_MS: Final = 120_000
SPANS: Final = 30
FRESH_FOR_MS: Final = 5_000
# Those that wait, those that were started, and those that left without: each from an index of its own,
# whose condition SQLite has to find word for word.
STAYS: Final = """
    SELECT created_ms, NULL AS left_ms, 0 AS was_started FROM job
        WHERE status IN ('queued', 'processing') AND status = 'queued'
    UNION ALL SELECT created_ms, started_ms, 1 FROM job WHERE started_ms >= {}
    UNION ALL SELECT created_ms, finished_ms, 0 FROM job
        WHERE status IN ('failed', 'cancelled') AND status = 'cancelled' AND finished_ms >= {}
            AND started_ms IS NULL
"""


class QueueHistory:
    """Depth and waits, in steps of two minutes; exact whatever restarts, for nothing is sampled."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._read_ms: int | None = None
        self._spans: tuple[Span, ...] = ()

    async def last_hour(self) -> tuple[Span, ...]:
        """The last hour, oldest first, as of five seconds ago at most."""
        now_ms = self._clock.now_ms()
        if self._read_ms is None or not 0 <= now_ms - self._read_ms < FRESH_FOR_MS:
            since_ms = now_ms - SPANS * SPAN_MS
            rows = await self._database.fetch(STAYS, since_ms, since_ms)
            stays = [Stay(row["created_ms"], row["left_ms"], bool(row["was_started"])) for row in rows]
            self._spans = spans(stays, until_ms=now_ms, span_ms=SPAN_MS, count=SPANS)
            self._read_ms = now_ms
        return self._spans
