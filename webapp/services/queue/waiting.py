"""The line as a newcomer meets it."""

from dataclasses import dataclass

from webapp.database import Database
from webapp.policy.estimates import InHand
from webapp.policy.ordering import Affinity, WaitingJob
from webapp.services.queue.affinity import Turns
from webapp.services.rows import in_hand, waiting_job


@dataclass(frozen=True, slots=True)
class Line:
    """Waiting jobs in no order, jobs in hand, and the workers in their turn."""

    waiting: list[WaitingJob]
    running: list[InHand]
    turns: tuple[Affinity, ...]


class LineReader:
    """Reads what decides places; in a transaction, as that sees it."""

    def __init__(self, database: Database, turns: Turns) -> None:
        self._database = database
        self._turns = turns

    async def read(self) -> Line:
        """The line now, read in one statement."""
        rows = await self._database.fetch(
            "SELECT status, sequence, priority, skipped_ms, starves_ms, model, duration_s, worker_id,"
            f" started_ms, start_order, {self._turns.column}"
            " FROM job WHERE status IN ('queued', 'processing')"
        )
        processing = [row for row in rows if row["status"] == "processing"]
        return Line(
            waiting=[waiting_job(row) for row in rows if row["status"] == "queued"],
            running=[in_hand(row) for row in processing],
            turns=self._turns.of(rows[0]["turns"] if rows else None, processing),
        )

    async def is_paused(self) -> bool:
        """Whether no worker may take a job now."""
        rows = await self._database.fetch("SELECT is_paused FROM queue_state WHERE id = 1")
        return bool(rows[0]["is_paused"])
