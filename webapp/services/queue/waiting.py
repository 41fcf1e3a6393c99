"""The queue as far as it decides the position of a new job."""

from dataclasses import dataclass

from webapp.database import Database
from webapp.policy.queue.estimates import RunningJob
from webapp.policy.queue.ordering import Affinity, WaitingJob
from webapp.services.queue import queries
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.rows import running_job, waiting_job
from webapp.tables import QueueState


@dataclass(frozen=True, slots=True)
class WaitingQueue:
    """Waiting jobs in no order, running jobs, and the workers' affinities in the order of their claims."""

    waiting: list[WaitingJob]
    running: list[RunningJob]
    affinities: tuple[Affinity, ...]


class WaitingQueueReader:
    """Reads what decides queue positions, as the current transaction sees it."""

    def __init__(self, database: Database, affinities: AffinityStore) -> None:
        self._database = database
        self._affinities = affinities

    async def read(self) -> WaitingQueue:
        """Read the queue in one statement."""
        rows = await queries.positions(self._database)
        processing = [row for row in rows if row["status"] == "processing"]
        return WaitingQueue(
            waiting=[waiting_job(row) for row in rows if row["status"] == "queued"],
            running=[running_job(row) for row in processing],
            affinities=self._affinities.of(rows[0]["affinities"] if rows else None, processing),
        )

    async def is_paused(self) -> bool:
        """Return whether the queue is paused."""
        state = await QueueState.select(QueueState.is_paused).first()
        return state is not None and bool(state["is_paused"])
