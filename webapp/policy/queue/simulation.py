"""Simulates workers that take waiting jobs: the model behind `webapp.policy.queue.estimates`."""

import math
from collections.abc import Callable, Mapping, Sequence
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


# A worker's earliest time, and its index.
_Free = tuple[float, int]


class SimulatedWorker:
    """A simulated worker: the model and the end times of its current batch.

    It takes jobs only for the models of `makes`; None for every model.
    """

    def __init__(
        self, batch_slots: Mapping[str, int], now_ms: float, makes: frozenset[str] | None = None
    ) -> None:
        self.makes = makes
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


def _top(heap: Sequence[_Free]) -> _Free:
    return heap[0]


class FreeWorkers:
    """Workers by their earliest times, those that make the same models together."""

    def __init__(self, workers: Sequence[SimulatedWorker]) -> None:
        self._workers = workers
        self._heaps: dict[frozenset[str] | None, list[_Free]] = {}
        for index, worker in enumerate(workers):
            self._heaps.setdefault(worker.makes, []).append((worker.earliest_ms(), index))
        for heap in self._heaps.values():
            heapify(heap)

    def earliest_ms(self) -> float:
        """Return the time at which the first worker is free."""
        return min(heap[0][0] for heap in self._heaps.values())

    def take(self, job: StartFacts, work_ms: Callable[[int], float]) -> tuple[float, int] | None:
        """Give a job to the worker that can take it first; return when, and the worker's index.

        `work_ms` returns how long the job takes a worker. None if no worker makes the job's model.
        """
        heaps = [heap for makes, heap in self._heaps.items() if makes is None or job.model in makes]
        if not heaps:
            return None
        seen: list[tuple[_Free, list[_Free]]] = []
        best, home = (math.inf, len(self._workers)), heaps[0]
        while (heap := min(filter(None, heaps), key=_top, default=None)) is not None:
            if heap[0][0] >= best[0]:
                break
            entry = heappop(heap)
            seen.append((entry, heap))
            found = (self._workers[entry[1]].free_ms(job.model), entry[1])
            best = min(best, found)
        start_ms, index = best
        for entry, heap in seen:
            if entry[1] == index:
                home = heap
            else:
                heappush(heap, entry)
        worker = self._workers[index]
        worker.take(job.model, start_ms, start_ms + work_ms(index))
        heappush(home, (worker.earliest_ms(), index))
        return start_ms, index


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
