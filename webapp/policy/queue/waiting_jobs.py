"""Waiting jobs: the order in which workers would take them, and heaps that make that quick."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from heapq import heapify, heappop, heappush
from typing import Generic

from webapp.policy.queue.ordering import INDIFFERENT, Affinity, Rank, W, Waiting, WaitingJob, order_key

# By model: what orders the jobs of one rank, and their sequence numbers.
_Heaps = dict[str, list[tuple[int, int]]]


def in_order(jobs: Iterable[W], now_ms: int, affinities: Sequence[Affinity] = ()) -> list[W]:
    """Return the waiting jobs in the order in which they would be taken now.

    That is `next_job` repeatedly, for each worker of `affinities` in rotation; see `in_claim_order`. Jobs
    that none of them can make come last.
    """
    waiting = list(jobs)
    models = {job.model for job in waiting}
    if not any(affinity.can_affect_order(models) for affinity in affinities):
        return sorted(waiting, key=lambda job: order_key(job, now_ms))
    remaining = WaitingJobs(waiting)
    ordered: list[W] = []
    rotation = deque(affinities)
    while rotation:
        taken = remaining.take(now_ms, rotation.popleft())
        # A worker that finds nothing now finds nothing later: no job is added meanwhile.
        if taken is not None:
            ordered.append(taken[0])
            rotation.append(taken[1])
    return ordered + sorted(remaining, key=lambda job: order_key(job, now_ms))


def skip_would_move(
    jobs: Iterable[W], job: WaitingJob, now_ms: int, affinities: Sequence[Affinity] = ()
) -> bool:
    """Return whether a waiting job would be taken earlier if its owner skipped the queue now.

    `job` is its present state. Whether the queue is paused makes no difference to the order.
    """
    others = [other for other in jobs if other.sequence != job.sequence]
    skipped = replace(job, skipped_ms=now_ms)
    return _position(skipped, others, now_ms, affinities) < _position(job, others, now_ms, affinities)


def _position(job: WaitingJob, others: Iterable[Waiting], now_ms: int, affinities: Sequence[Affinity]) -> int:
    ordered: list[Waiting] = in_order([*others, job], now_ms, affinities)
    return [one.sequence for one in ordered].index(job.sequence)


class WaitingJobs(Generic[W]):
    """Waiting jobs in heaps, so that taking the next one is cheap however many there are.

    It takes exactly the job that `next_job` would. Entries of jobs that have left stay in the heaps until
    they come to the top.
    """

    def __init__(self, jobs: Iterable[W] = ()) -> None:
        self._jobs = {job.sequence: job for job in jobs}
        self._skipped: _Heaps = {}
        self._starving: _Heaps = {}
        self._tiers: dict[int, _Heaps] = {}
        for job in self._jobs.values():
            for heap, entry in self._heaps_of(job):
                heap.append(entry)
        for heaps in (self._skipped, self._starving, *self._tiers.values()):
            for heap in heaps.values():
                heapify(heap)
        self._priorities = sorted(self._tiers)

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[W]:
        """Iterate over the waiting jobs in no particular order."""
        return iter(self._jobs.values())

    def get(self, sequence: int) -> W | None:
        """Return the waiting job with this sequence number, if there is one."""
        return self._jobs.get(sequence)

    def add(self, job: W) -> None:
        """Add a job; one with the same sequence number is replaced, as when a job is skipped."""
        self._jobs[job.sequence] = job
        for heap, entry in self._heaps_of(job):
            heappush(heap, entry)
        if len(self._tiers) > len(self._priorities):
            self._priorities = sorted(self._tiers)

    def remove(self, sequence: int) -> None:
        """Remove a job, as when it is cancelled. Raises KeyError if it is not there."""
        del self._jobs[sequence]

    def take(self, now_ms: int, affinity: Affinity = INDIFFERENT) -> tuple[W, Affinity] | None:
        """Remove and return the job that `next_job` would, with the worker's state after it."""
        sequence = self._first_skipped(affinity)
        if sequence is None:
            sequence = self._first_starving(now_ms, affinity)
        if sequence is None:
            return self._take_by_tier(affinity)
        job = self._jobs.pop(sequence)
        return job, affinity.after_first(job.model)

    def _heaps_of(self, job: W) -> Iterator[tuple[list[tuple[int, int]], tuple[int, int]]]:
        """Return the heaps that a job belongs into, and its entry in each."""
        if job.skipped_ms is not None:
            yield self._skipped.setdefault(job.model, []), (job.skipped_ms, job.sequence)
            return
        if job.starves_ms is not None:
            yield self._starving.setdefault(job.model, []), (job.starves_ms, job.sequence)
        yield (
            self._tiers.setdefault(job.priority, {}).setdefault(job.model, []),
            (job.sequence, job.sequence),
        )

    def _first_skipped(self, affinity: Affinity) -> int | None:
        heads = self._heads(self._skipped, affinity, lambda job, key: job.skipped_ms == key)
        return min(heads)[1] if heads else None

    def _first_starving(self, now_ms: int, affinity: Affinity) -> int | None:
        heads = self._heads(
            self._starving, affinity, lambda job, key: job.skipped_ms is None and job.starves_ms == key
        )
        return min(heads)[1] if heads and min(heads)[0] <= now_ms else None

    def _take_by_tier(self, affinity: Affinity) -> tuple[W, Affinity] | None:
        for priority in self._priorities:
            heads = self._heads(self._tiers[priority], affinity, partial(_is_in_tier, priority))
            if not heads:
                continue
            head = self._jobs[min(heads)[1]]
            if affinity.may_overtake(head.model, Rank.BY_TIER):
                preferred = [sequence for _, sequence, model in heads if model in (affinity.ready or ())]
                if preferred:
                    return self._jobs.pop(min(preferred)), affinity.after_preferring()
            del self._jobs[head.sequence]
            return head, affinity.after_first(head.model)
        return None

    def _heads(
        self, heaps: _Heaps, affinity: Affinity, is_current: Callable[[W, int], bool]
    ) -> list[tuple[int, int, str]]:
        """Return the first entry of each model that the worker can make, as (key, sequence, model)."""
        heads = []
        for model, heap in heaps.items():
            if not affinity.can_make(model):
                continue
            while heap:
                key, sequence = heap[0]
                job = self._jobs.get(sequence)
                if job is not None and job.model == model and is_current(job, key):
                    heads.append((key, sequence, model))
                    break
                heappop(heap)
        return heads


def _is_in_tier(priority: int, job: Waiting, _key: int) -> bool:
    # A job that was replaced may be in another tier now.
    return job.skipped_ms is None and job.priority == priority
