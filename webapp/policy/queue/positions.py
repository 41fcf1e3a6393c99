"""The positions that new jobs get, one after the other, without sorting the whole queue for each."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from webapp.policy.queue.ordering import Affinity, Waiting, order_key
from webapp.policy.queue.waiting_jobs import in_order

W = TypeVar("W", bound=Waiting)


class QueuePositions(Generic[W]):
    """A growing queue that returns the position that `in_order` gives each new job."""

    def __init__(self, waiting: Iterable[W], now_ms: int, affinities: Sequence[Affinity] = ()) -> None:
        self._waiting = list(waiting)
        self._now_ms = now_ms
        self._affinities = affinities
        self._models = {job.model for job in self._waiting}
        self._keys = sorted(order_key(job, now_ms) for job in self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def of(self, newcomer: W) -> int:
        """Return the position, from 0, that one more job would get."""
        models = self._models | {newcomer.model}
        if any(affinity.can_affect_order(models) for affinity in self._affinities):
            return in_order([*self._waiting, newcomer], self._now_ms, self._affinities).index(newcomer)
        return bisect_left(self._keys, order_key(newcomer, self._now_ms))

    def add(self, newcomer: W) -> None:
        """Add a job to the queue."""
        self._waiting.append(newcomer)
        self._models.add(newcomer.model)
        insort(self._keys, order_key(newcomer, self._now_ms))
