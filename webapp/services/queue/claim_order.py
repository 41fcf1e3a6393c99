"""Finds the next job to claim: `webapp.policy.queue.ordering.next_job` as a few indexed queries."""

from collections.abc import Collection
from typing import Final

from webapp.database import Database, Row
from webapp.policy.queue.ordering import Affinity, Rank
from webapp.services.queue import queries
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.queries import FIRST_IN_QUEUE, FIRST_OF_MODEL, FIRST_OF_MODEL_IN_QUEUE

# What orders the jobs of a rank, before the order of submission.
_KEYS: Final = {Rank.SKIPPED: "skipped_ms", Rank.STARVING: "starves_ms", Rank.BY_TIER: "priority"}


class ClaimOrder:
    """Finds the job that a worker takes; the caller holds the queue lock."""

    def __init__(self, database: Database, affinities: AffinityStore) -> None:
        self._database = database
        self._affinities = affinities

    async def find(
        self,
        worker_id: str,
        ready: Collection[str] | None,
        now_ms: int,
        makes: frozenset[str] | None = None,
    ) -> tuple[Row, Affinity] | None:
        """Return the next job and the worker's state after taking it; None when nothing waits for it.

        `ready` holds the models that the worker need not load, None when no model needs loading; `makes`
        those that it can make, None for all.
        """
        first = await self._first(now_ms) if makes is None else await self._first_of(makes, now_ms)
        if first is None:
            return None
        rank, head = first
        streak = 0 if ready is None else await self._affinities.streak(worker_id)
        affinity = self._affinities.affinity(ready, streak, makes)
        if affinity.may_overtake(head["model"], rank):
            found = [
                await queries.first_waiting(self._database, FIRST_OF_MODEL, model, head["priority"])
                for model in sorted(affinity.ready or ())
                if affinity.can_make(model)
            ]
            preferred = [row for row in found if row is not None]
            if preferred:
                earliest = min(preferred, key=lambda row: int(row["sequence"]))
                return earliest, affinity.after_preferring()
        return head, affinity.after_first(head["model"])

    async def _first(self, now_ms: int) -> tuple[Rank, Row] | None:
        for rank, condition in FIRST_IN_QUEUE.items():
            arguments = (now_ms,) if rank is Rank.STARVING else ()
            row = await queries.first_waiting(self._database, condition, *arguments)
            if row is not None:
                return rank, row
        return None

    async def _first_of(self, makes: Collection[str], now_ms: int) -> tuple[Rank, Row] | None:
        """Return the first job among those of some models: the first of each, compared."""
        for rank, condition in FIRST_OF_MODEL_IN_QUEUE.items():
            arguments = (now_ms,) if rank is Rank.STARVING else ()
            found = [
                await queries.first_waiting(self._database, condition, model, *arguments)
                for model in sorted(makes)
            ]
            rows = [row for row in found if row is not None]
            if rows:
                return rank, min(rows, key=lambda row: (row[_KEYS[rank]], row["sequence"]))
        return None
