"""Worker affinity: the models that workers have loaded, which may affect the queue's order."""

import json
from collections.abc import Iterable

from webapp.database import Database, Row
from webapp.policy.generation import MODELS
from webapp.policy.queue.ordering import Affinity, in_claim_order
from webapp.services.queue import queries
from webapp.services.workers.abilities import read_models
from webapp.settings import Settings


class AffinityStore:
    """Reads and writes the workers' affinity: see `webapp.policy.queue.ordering`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._limit = settings.affinity_limit

    def of(self, gathered: str | None, processing: Iterable[Row]) -> tuple[Affinity, ...]:
        """Return affinities in the order in which workers are expected to claim.

        `gathered` is the column `affinities` of the queue's statements; `processing` are the running jobs.
        """
        workers = [
            (
                state["worker_id"],
                self.affinity(_ready(state), state["affinity_streak"], read_models(state["makes"])),
            )
            for state in (json.loads(gathered) if gathered else ())
        ]
        return in_claim_order(workers, {row["worker_id"]: row["start_order"] for row in processing})

    def affinity(
        self, ready: Iterable[str] | None, streak: int, makes: frozenset[str] | None = None
    ) -> Affinity:
        """Return a worker's state under the operator's limit."""
        return Affinity(None if ready is None else frozenset(ready), streak, self._limit, makes)

    async def streak(self, worker_id: str) -> int:
        """Return how often the worker has preferred a job since it last loaded a model."""
        return await queries.affinity_streak(self._database, worker_id)

    async def write(self, worker_id: str, affinity: Affinity) -> None:
        """Record a worker's state, in the transaction of the claim that led to it."""
        await queries.write_affinity(self._database, worker_id, affinity)


def _ready(state: Row) -> list[str] | None:
    if not state["has_affinity"]:
        return None
    return [model for model in MODELS if state[f"ready_{model}"]]
