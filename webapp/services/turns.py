"""What workers have loaded, as far as it bears on the order of the line."""

from collections.abc import Iterable

from webapp.database import Database
from webapp.policy.ordering import Affinity, in_turn
from webapp.services.rows import Row
from webapp.settings import Settings


class Turns:
    """Reads and writes the workers' affinity: see `webapp.policy.ordering`."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self._database = database
        self._limit = settings.affinity_limit
        gathered = "group_concat" if database.dialect == "sqlite" else "string_agg"
        # A column for statements that read the line, so that jobs and workers are of one moment.
        self.column = (
            f"(SELECT {gathered}(worker_id || ':' || affinity_streak || ':' || ready_models, ';') FROM worker"
            " WHERE ready_models IS NOT NULL AND state <> 'stopping' AND NOT is_draining) AS turns"
        )

    def of(self, turns: str | None, processing: Iterable[Row]) -> tuple[Affinity, ...]:
        """The workers in the order in which they are taken to ask, from the column and the jobs in hand."""
        workers = []
        for entry in turns.split(";") if turns else ():
            worker_id, streak, ready = entry.split(":")
            workers.append((worker_id, self.affinity(ready.split(",") if ready else (), int(streak))))
        return in_turn(workers, {row["worker_id"]: row["start_order"] for row in processing})

    def affinity(self, ready: Iterable[str] | None, streak: int) -> Affinity:
        """A worker's state under the operator's limit."""
        return Affinity(None if ready is None else frozenset(ready), streak, self._limit)

    async def streak(self, worker_id: str) -> int:
        """How often the worker has preferred a job since it last loaded a model."""
        rows = await self._database.fetch(
            "SELECT affinity_streak FROM worker WHERE worker_id = {}", worker_id
        )
        return int(rows[0]["affinity_streak"]) if rows else 0

    async def write(self, worker_id: str, affinity: Affinity) -> None:
        """Record a worker's state, in the transaction of the claim that led to it."""
        await self._database.fetch(
            "UPDATE worker SET ready_models = {}, affinity_streak = {} WHERE worker_id = {}",
            None if affinity.ready is None else ",".join(sorted(affinity.ready)),
            affinity.streak,
            worker_id,
        )
