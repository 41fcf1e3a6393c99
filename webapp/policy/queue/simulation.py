"""Simulates workers that take waiting jobs: the model behind `webapp.policy.queue.estimates`."""

from collections.abc import Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Protocol


class StartFacts(Protocol):
    """The facts about a waiting job that decide when it starts."""

    @property
    def model(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def priority(self) -> int: ...
    @property
    def skipped_ms(self) -> int | None: ...
    @property
    def starves_ms(self) -> int | None: ...


class SimulatedWorker:
    """A simulated worker: the model and the end times of its current batch."""

    def __init__(self, batch_slots: Mapping[str, int], now_ms: float) -> None:
        self._batch_slots = batch_slots
        self._model = ""
        self._ends_ms: list[float] = []
        self._since_ms = now_ms

    def earliest_ms(self) -> float:
        """Return when the worker can take a job of the model of its current batch: its earliest time."""
        return self.free_ms(self._model)

    def free_ms(self, model: str) -> float:
        """Return when the worker can take a job of a model.

        A job of the current batch's model may join as soon as a slot is free; any other waits for its end.
        """
        ends_ms = [end_ms for end_ms in self._ends_ms if end_ms > self._since_ms]
        if not ends_ms:
            return self._since_ms
        if model != self._model:
            return max(ends_ms)
        too_many = len(ends_ms) - self._batch_slots.get(model, 1)
        return self._since_ms if too_many < 0 else sorted(ends_ms)[too_many]

    def take(self, model: str, start_ms: float, end_ms: float) -> None:
        """Give the worker a job."""
        self._since_ms = start_ms
        self._ends_ms = [end for end in self._ends_ms if end > start_ms]
        self._ends_ms.append(end_ms)
        self._model = model


def earliest_worker(
    free: list[tuple[float, int]], workers: Sequence[SimulatedWorker], model: str
) -> tuple[float, int]:
    """Find the worker that can take a job of a model first: the time, and the worker's index.

    `free` is a heap of each worker's earliest time and index; the worker that is found is taken off it.
    """
    first = heappop(free)
    popped = [first]
    best = (workers[first[1]].free_ms(model), first[1])
    while free and free[0][0] < best[0]:
        entry = heappop(free)
        popped.append(entry)
        best = min(best, (workers[entry[1]].free_ms(model), entry[1]))
    for entry in popped:
        if entry[1] != best[1]:
            heappush(free, entry)
    return best


class TakingOrder:
    """The order in which waiting jobs are taken: queue order, but jobs that starve by then go first."""

    def __init__(self, waiting: Sequence[StartFacts]) -> None:
        self._waiting = waiting
        self._taken = [False] * len(waiting)
        self._first = 0
        self._starving = [
            (job.starves_ms, index)
            for index, job in enumerate(waiting)
            if job.skipped_ms is None and job.starves_ms is not None
        ]
        heapify(self._starving)

    def take(self, at_ms: float) -> int:
        """Take the job that is next at a time; return its index."""
        while self._taken[self._first]:
            self._first += 1
        while self._starving and self._taken[self._starving[0][1]]:
            heappop(self._starving)
        index = self._first
        if self._waiting[index].skipped_ms is None and self._starving and self._starving[0][0] <= at_ms:
            index = self._starving[0][1]
        self._taken[index] = True
        return index
