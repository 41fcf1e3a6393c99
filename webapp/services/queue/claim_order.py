"""The next job to claim: `webapp.policy.ordering.next_job` as a few indexed statements."""

from collections.abc import Collection
from typing import Final

from webapp.database import Database, Row
from webapp.policy.ordering import Affinity, Rank
from webapp.services.queue.affinity import AffinityStore

# Each way to be first in the queue, in order of precedence.
FIRST_IN_QUEUE: Final = {
    Rank.SKIPPED: "status = 'queued' AND skipped_ms IS NOT NULL ORDER BY skipped_ms, sequence",
    Rank.STARVING: (
        "status = 'queued' AND skipped_ms IS NULL AND starves_ms <= {} ORDER BY starves_ms, sequence"
    ),
    Rank.BY_TIER: "status = 'queued' AND skipped_ms IS NULL ORDER BY priority, sequence",
}
# Asked only when nobody starves, so it need not look for that.
FIRST_OF_MODEL: Final = (
    "status = 'queued' AND skipped_ms IS NULL AND model = {} AND priority = {} ORDER BY sequence"
)


class ClaimOrder:
    """Find the job that a worker takes; the caller holds the queue's row."""

    def __init__(self, database: Database, affinities: AffinityStore) -> None:
        self._database = database
        self._affinities = affinities

    async def find(
        self, worker_id: str, ready: Collection[str] | None, now_ms: int
    ) -> tuple[Row, Affinity] | None:
        """Return the next job and the worker's state after taking it; None when nothing waits.

        `ready` holds the models that the worker need not load; None when no model needs loading.
        """
        first = await self._first(now_ms)
        if first is None:
            return None
        rank, head = first
        streak = 0 if ready is None else await self._affinities.streak(worker_id)
        affinity = self._affinities.affinity(ready, streak)
        if affinity.may_overtake(head["model"], rank):
            preferred = [
                row
                for model in sorted(affinity.ready or ())
                for row in await self._select(FIRST_OF_MODEL, model, head["priority"])
            ]
            if preferred:
                earliest = min(preferred, key=lambda row: int(row["sequence"]))
                return earliest, affinity.after_preferring()
        return head, affinity.after_first(head["model"])

    async def _first(self, now_ms: int) -> tuple[Rank, Row] | None:
        for rank, condition in FIRST_IN_QUEUE.items():
            arguments = (now_ms,) if rank is Rank.STARVING else ()
            rows = await self._select(condition, *arguments)
            if rows:
                return rank, rows[0]
        return None

    async def _select(self, condition: str, *arguments: object) -> list[Row]:
        # The queue's row is held, so the rows cannot change; SKIP LOCKED keeps a claim from waiting for
        # anything else that may hold one of them, such as an operator's own transaction.
        lock = " FOR UPDATE SKIP LOCKED" if self._database.dialect == "postgres" else ""
        return await self._database.fetch(
            f"SELECT job_id, model, priority, sequence FROM job WHERE {condition} LIMIT 1{lock}", *arguments
        )
