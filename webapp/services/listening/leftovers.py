"""Removes the pieces of streams that nobody needs any more."""

from collections.abc import Collection, Sequence
from itertools import islice
from typing import Final

from webapp.clock import Clock
from webapp.database import Row
from webapp.policy.queue.job_status import ACTIVE
from webapp.services.shared.queries import any_of
from webapp.storage.pieces import PieceStore
from webapp.tables import Job

# Who listens in real time is this far behind the end of a job at most, pauses aside.
HEARD_WITHIN_MS: Final = 10 * 60_000
AT_ONCE: Final = 500


class Leftovers:
    """Looks through the pieces that there are: those of running jobs and of jobs that have just ended."""

    def __init__(self, store: PieceStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def remove(self) -> int:
        """Remove the groups of ended runs; return how many. Raises StorageAway."""
        # The storage first: what any host begins to write from now on is not in the list.
        keys = iter(sorted(await self._store.keys()))
        removed = 0
        while some := list(islice(keys, AT_ONCE)):
            for key in await self._unneeded(some):
                await self._store.delete(key)
                removed += 1
        return removed

    async def _unneeded(self, keys: Sequence[str]) -> Collection[str]:
        generation_ids = sorted({key.partition("-")[0] for key in keys})
        rows = await Job.select(Job.generation_id, Job.fence, Job.status, Job.finished_ms).where(
            Job.generation_id.is_in(any_of(generation_ids))
        )
        known = {row["generation_id"]: row for row in rows}
        return [key for key in keys if not self._is_needed(key, known.get(key.partition("-")[0]))]

    def _is_needed(self, key: str, job: Row | None) -> bool:
        if job is None or int(key.partition("-")[2]) != job["fence"]:
            return False
        if job["status"] in ACTIVE:
            return bool(job["status"] == "processing")
        ended_ms = job["finished_ms"] or 0
        return bool(job["status"] == "completed" and ended_ms > self._clock.now_ms() - HEARD_WITHIN_MS)
