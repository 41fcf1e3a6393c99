"""Counts workers that this process has started and that have not registered yet, by kind."""

from collections import Counter
from collections.abc import Iterable

from webapp.services.workers.workers import WorkerInfo, WorkerKind, Workers


class Arrivals:
    """Workers that this process is starting. Those of other hosts are known once they have registered."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._coming: Counter[WorkerKind] = Counter()

    def expect(self, kind: WorkerKind) -> None:
        """Expect a worker of this kind."""
        self._coming[kind] += 1

    def give_up(self, kind: WorkerKind) -> None:
        """Stop expecting one worker of this kind."""
        self._coming[kind] -= 1

    async def is_coming(self, kind: WorkerKind) -> bool:
        """Check whether a worker of this kind is starting and none is ready yet."""
        return self.is_coming_beside(kind, await self._workers.alive())

    def is_coming_beside(self, kind: WorkerKind, alive: Iterable[WorkerInfo]) -> bool:
        """Check the same, given the live workers."""
        states = [worker.state for worker in alive if worker.kind == kind and worker.state != "stopping"]
        if not states:
            return self._coming[kind] > 0
        return all(state == "starting" for state in states)
