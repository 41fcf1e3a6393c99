"""Worker affinity: which models workers have loaded, as far as that decides the queue's order."""

import json
from collections.abc import Iterable
from typing import Final

from webapp.database import Database, Dialect, Row
from webapp.policy.generation import MODELS
from webapp.policy.ordering import Affinity, in_turn
from webapp.settings import Settings

_COLUMNS: Final = ("worker_id", "affinity_streak", *(f"ready_{model}" for model in MODELS))
_PAIRS: Final = ", ".join(f"'{column}', {column}" for column in _COLUMNS)
_GATHERED: Final[dict[Dialect, str]] = {
    "sqlite": f"SELECT json_group_array(json_object({_PAIRS}))",
    "postgres": f"SELECT json_agg(json_build_object({_PAIRS}))",
}
_COUNTS: Final = "has_affinity AND state <> 'stopping' AND NOT is_draining"
_SET_READY: Final = ", ".join(f"ready_{model} = {{}}" for model in MODELS)


class AffinityStore:
    """Reads and writes the workers' affinity: see `webapp.policy.ordering`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._limit = settings.affinity_limit
        # A column for statements that read the queue, so that jobs and workers are of one moment.
        self.column = f"({_GATHERED[database.dialect]} FROM worker WHERE {_COUNTS}) AS affinities"

    def of(self, gathered: str | None, processing: Iterable[Row]) -> tuple[Affinity, ...]:
        """Order the workers as they are expected to claim, from the column and the jobs in hand."""
        workers = [
            (state["worker_id"], self.affinity(_ready(state), state["affinity_streak"]))
            for state in (json.loads(gathered) if gathered else ())
        ]
        return in_turn(workers, {row["worker_id"]: row["start_order"] for row in processing})

    def affinity(self, ready: Iterable[str] | None, streak: int) -> Affinity:
        """Return a worker's state under the operator's limit."""
        return Affinity(None if ready is None else frozenset(ready), streak, self._limit)

    async def streak(self, worker_id: str) -> int:
        """Return how often the worker has preferred a job since it last loaded a model."""
        rows = await self._database.fetch(
            "SELECT affinity_streak FROM worker WHERE worker_id = {}", worker_id
        )
        return int(rows[0]["affinity_streak"]) if rows else 0

    async def write(self, worker_id: str, affinity: Affinity) -> None:
        """Record a worker's state, in the transaction of the claim that led to it."""
        ready = affinity.ready or ()
        await self._database.fetch(
            f"UPDATE worker SET has_affinity = {{}}, affinity_streak = {{}}, {_SET_READY}"
            " WHERE worker_id = {}",
            affinity.ready is not None,
            affinity.streak,
            *(model in ready for model in MODELS),
            worker_id,
        )


def _ready(state: Row) -> list[str]:
    return [model for model in MODELS if state[f"ready_{model}"]]
