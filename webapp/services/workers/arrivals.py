"""Which kinds of workers are on their way: started by this process, and not yet on the register."""

from collections import Counter
from collections.abc import Iterable

from webapp.services.workers.workers import WorkerInfo, WorkerKind, Workers


class Arrivals:
    """What supervisors are bringing up. Other hosts' workers are known once they are on the register."""

    def __init__(self, workers: Workers) -> None:
        self._workers = workers
        self._coming: Counter[WorkerKind] = Counter()

    def expect(self, kind: WorkerKind) -> None:
        """A worker of this kind is coming."""
        self._coming[kind] += 1

    def give_up(self, kind: WorkerKind) -> None:
        """One that was expected is not."""
        self._coming[kind] -= 1

    async def is_coming(self, kind: WorkerKind) -> bool:
        """Whether somebody will soon be there, and nobody is yet."""
        return self.is_coming_beside(kind, await self._workers.alive())

    def is_coming_beside(self, kind: WorkerKind, alive: Iterable[WorkerInfo]) -> bool:
        """The same, given the workers that are alive."""
        states = [worker.state for worker in alive if worker.kind == kind and worker.state != "stopping"]
        if not states:
            return self._coming[kind] > 0
        return all(state == "starting" for state in states)
