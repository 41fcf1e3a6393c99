"""The places that newcomers get, one after the other, without ordering the whole line for each."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from typing import Generic, TypeVar

from webapp.policy.queue.ordering import Affinity, Waiting, in_order, order_key

W = TypeVar("W", bound=Waiting)


class Places(Generic[W]):
    """A line that grows; tells each newcomer the place that `in_order` gives it."""

    def __init__(self, waiting: Iterable[W], now_ms: int, turns: Sequence[Affinity] = ()) -> None:
        self._waiting = list(waiting)
        self._now_ms = now_ms
        self._turns = turns
        self._models = {job.model for job in self._waiting}
        self._keys = sorted(order_key(job, now_ms) for job in self._waiting)

    def __len__(self) -> int:
        return len(self._waiting)

    def of(self, newcomer: W) -> int:
        """The place, from 0, that one more job would get."""
        if any(turn.has_a_say(self._models | {newcomer.model}) for turn in self._turns):
            return in_order([*self._waiting, newcomer], self._now_ms, self._turns).index(newcomer)
        return bisect_left(self._keys, order_key(newcomer, self._now_ms))

    def add(self, newcomer: W) -> None:
        """Let a job join the line."""
        self._waiting.append(newcomer)
        self._models.add(newcomer.model)
        insort(self._keys, order_key(newcomer, self._now_ms))
