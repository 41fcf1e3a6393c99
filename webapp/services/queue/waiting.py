"""The queue as a new job meets it."""

from dataclasses import dataclass

from webapp.database import Database, literals
from webapp.policy.estimates import InHand
from webapp.policy.job_status import ACTIVE
from webapp.policy.ordering import Affinity, WaitingJob
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.rows import in_hand, waiting_job
from webapp.settings import Settings


@dataclass(frozen=True, slots=True)
class WaitingQueue:
    """Waiting jobs in no order, jobs in hand, and the workers in the order in which they claim."""

    waiting: list[WaitingJob]
    running: list[InHand]
    affinities: tuple[Affinity, ...]


class WaitingQueueReader:
    """Reads what decides queue positions; inside a transaction, as that sees it."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._affinities = AffinityStore(database, settings)

    async def read(self) -> WaitingQueue:
        """Read the queue in one statement."""
        rows = await self._database.fetch(
            "SELECT status, sequence, priority, skipped_ms, starves_ms, model, duration_s, worker_id,"
            f" started_ms, start_order, {self._affinities.column}"
            f" FROM job WHERE status IN {literals(ACTIVE)}"
        )
        processing = [row for row in rows if row["status"] == "processing"]
        return WaitingQueue(
            waiting=[waiting_job(row) for row in rows if row["status"] == "queued"],
            running=[in_hand(row) for row in processing],
            affinities=self._affinities.of(rows[0]["affinities"] if rows else None, processing),
        )

    async def is_paused(self) -> bool:
        """Return whether the queue is paused."""
        rows = await self._database.fetch("SELECT is_paused FROM queue_state WHERE id = 1")
        return bool(rows[0]["is_paused"])
