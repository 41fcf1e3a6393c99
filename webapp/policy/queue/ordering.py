"""Who goes next: one pure order behind every queue position, every estimate and every claim.

1. Skipped jobs, oldest skip first.
2. Jobs that have waited past their tier's limit, furthest past it first.
3. The others by tier, and within a tier in the order of submission.

A job's limit is a point in time fixed when it was submitted (`starves_ms`), so "furthest past it"
is "earliest limit". Ties fall to the order of submission. A job that is returned to the queue
keeps all of these, hence its position.

Worker affinity relaxes the third rule: where loading a model takes time, a worker may take the first job
of the same tier that needs no loading, a limited number of times before it has to load another model. It
never overtakes a skipped job, a starving job or a better tier for that.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from heapq import heapify, heappop, heappush
from itertools import cycle
from typing import Generic, Literal, Protocol, TypeVar

Reason = Literal["skipped", "starving", "tier"]


class Rank(IntEnum):
    """The three classes of waiting jobs, in the order in which they are served."""

    SKIPPED = 0
    STARVING = 1
    BY_TIER = 2


REASONS: dict[Rank, Reason] = {Rank.SKIPPED: "skipped", Rank.STARVING: "starving", Rank.BY_TIER: "tier"}


class Waiting(Protocol):
    """The facts about a waiting job that decide its queue position."""

    @property
    def sequence(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def skipped_ms(self) -> int | None: ...
    @property
    def starves_ms(self) -> int | None: ...
    @property
    def model(self) -> str: ...


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A waiting job reduced to what decides its queue position and when it will start."""

    sequence: int
    priority: int
    skipped_ms: int | None = None
    starves_ms: int | None = None
    model: str = ""
    duration_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Affinity:
    """A worker's loaded models, and how often it has preferred jobs for them.

    `ready` has the models that need no loading now; None where no model ever does. `streak` counts
    the jobs that it preferred since it last loaded a model, and may not exceed `limit`.
    """

    ready: frozenset[str] | None = None
    streak: int = 0
    limit: int = 0

    def can_affect_order(self, models: Collection[str]) -> bool:
        """Return whether the order of jobs for these models can depend on this worker."""
        return self.limit > 0 and self.ready is not None and not self.ready.issuperset(models)

    def may_overtake(self, head: str, rank: int) -> bool:
        """Return whether the worker may take a later job of the same tier, given the first one's model."""
        return (
            rank == Rank.BY_TIER
            and self.ready is not None
            and self.streak < self.limit
            and head not in self.ready
        )

    def after_preferring(self) -> "Affinity":
        """Return the state once the worker has taken a job ahead of an earlier one."""
        return replace(self, streak=self.streak + 1)

    def after_first(self, model: str) -> "Affinity":
        """Return the state once the worker has taken the first job, loading its model if need be."""
        if self.ready is None or model in self.ready:
            return self
        return replace(self, ready=frozenset((model,)), streak=0)


INDIFFERENT = Affinity()

W = TypeVar("W", bound=Waiting)


def order_key(job: Waiting, now_ms: int) -> tuple[int, int, int]:
    """Return the sort key of a waiting job at a time; smaller goes earlier, and no two are equal."""
    if job.skipped_ms is not None:
        return (Rank.SKIPPED, job.skipped_ms, job.sequence)
    if job.starves_ms is not None and job.starves_ms <= now_ms:
        return (Rank.STARVING, job.starves_ms, job.sequence)
    return (Rank.BY_TIER, job.priority, job.sequence)


def next_job(jobs: Iterable[W], now_ms: int, affinity: Affinity = INDIFFERENT) -> tuple[W, Affinity] | None:
    """Return the job that a worker takes now, and the worker's state after it; None when nothing waits."""
    waiting = list(jobs)
    if not waiting:
        return None
    head = min(waiting, key=lambda job: order_key(job, now_ms))
    if affinity.may_overtake(head.model, order_key(head, now_ms)[0]):
        ready = affinity.ready or ()
        preferred = [
            job
            for job in waiting
            if order_key(job, now_ms)[:2] == (Rank.BY_TIER, head.priority) and job.model in ready
        ]
        if preferred:
            return min(preferred, key=lambda job: job.sequence), affinity.after_preferring()
    return head, affinity.after_first(head.model)


def in_order(jobs: Iterable[W], now_ms: int, affinities: Sequence[Affinity] = ()) -> list[W]:
    """Return the waiting jobs in the order in which they would be taken now.

    That is `next_job` repeatedly, for each worker of `affinities` in rotation; see `in_claim_order`.
    """
    waiting = list(jobs)
    models = {job.model for job in waiting}
    if not any(affinity.can_affect_order(models) for affinity in affinities):
        return sorted(waiting, key=lambda job: order_key(job, now_ms))
    remaining = WaitingJobs(waiting)
    states = list(affinities)
    ordered: list[W] = []
    for worker in cycle(range(len(states))):
        taken = remaining.take(now_ms, states[worker])
        if taken is None:
            break
        ordered.append(taken[0])
        states[worker] = taken[1]
    return ordered


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


def in_claim_order(
    workers: Iterable[tuple[str, Affinity]], started: Mapping[str, int]
) -> tuple[Affinity, ...]:
    """Sort workers, given as (id, affinity), by the order in which they are assumed to claim their next job.

    Idle ones go first, then those whose current jobs `started` first. Every process computes the same order,
    since it does not depend on estimates of how long jobs take.
    """
    return tuple(
        affinity for _, affinity in sorted(workers, key=lambda item: (started.get(item[0], -1), item[0]))
    )


def rank_reason(job: Waiting, now_ms: int) -> Reason:
    """Return the rule of the order that decides a waiting job's position."""
    return REASONS[Rank(order_key(job, now_ms)[0])]


class WaitingJobs(Generic[W]):
    """Waiting jobs in heaps, so that taking the next one is cheap however many there are.

    It takes exactly the job that `next_job` would. Entries of jobs that have left stay in the heaps until
    they come to the top.
    """

    def __init__(self, jobs: Iterable[W] = ()) -> None:
        self._jobs = {job.sequence: job for job in jobs}
        waiting = [job for job in self._jobs.values() if job.skipped_ms is None]
        self._skipped = [
            (job.skipped_ms, job.sequence) for job in self._jobs.values() if job.skipped_ms is not None
        ]
        self._starving = [(job.starves_ms, job.sequence) for job in waiting if job.starves_ms is not None]
        # By priority and then by model, the sequence numbers.
        self._tiers: dict[int, dict[str, list[int]]] = {}
        for job in waiting:
            self._tiers.setdefault(job.priority, {}).setdefault(job.model, []).append(job.sequence)
        heapify(self._skipped)
        heapify(self._starving)
        for models in self._tiers.values():
            for sequences in models.values():
                heapify(sequences)
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
        if job.skipped_ms is not None:
            heappush(self._skipped, (job.skipped_ms, job.sequence))
            return
        if job.starves_ms is not None:
            heappush(self._starving, (job.starves_ms, job.sequence))
        if job.priority not in self._tiers:
            self._tiers[job.priority] = {}
            self._priorities = sorted(self._tiers)
        heappush(self._tiers[job.priority].setdefault(job.model, []), job.sequence)

    def remove(self, sequence: int) -> None:
        """Remove a job, as when it is cancelled. Raises KeyError if it is not there."""
        del self._jobs[sequence]

    def take(self, now_ms: int, affinity: Affinity = INDIFFERENT) -> tuple[W, Affinity] | None:
        """Remove and return the job that `next_job` would, with the worker's state after it."""
        if not self._jobs:
            return None
        sequence = self._first_skipped()
        if sequence is None:
            sequence = self._first_starving(now_ms)
        if sequence is None:
            return self._take_by_tier(affinity)
        job = self._jobs.pop(sequence)
        return job, affinity.after_first(job.model)

    def _first_skipped(self) -> int | None:
        while self._skipped:
            skipped_ms, sequence = self._skipped[0]
            job = self._jobs.get(sequence)
            if job is not None and job.skipped_ms == skipped_ms:
                return sequence
            heappop(self._skipped)
        return None

    def _first_starving(self, now_ms: int) -> int | None:
        while self._starving:
            starves_ms, sequence = self._starving[0]
            job = self._jobs.get(sequence)
            if job is not None and job.skipped_ms is None and job.starves_ms == starves_ms:
                return sequence if starves_ms <= now_ms else None
            heappop(self._starving)
        return None

    def _take_by_tier(self, affinity: Affinity) -> tuple[W, Affinity]:
        for priority in self._priorities:
            heads = self._heads(priority)
            if not heads:
                continue
            head = self._jobs[min(heads)[0]]
            if affinity.may_overtake(head.model, Rank.BY_TIER):
                preferred = [sequence for sequence, model in heads if model in (affinity.ready or ())]
                if preferred:
                    return self._jobs.pop(min(preferred)), affinity.after_preferring()
            del self._jobs[head.sequence]
            return head, affinity.after_first(head.model)
        raise AssertionError("a job that is neither skipped nor starving is in its tier's heaps")

    def _heads(self, priority: int) -> list[tuple[int, str]]:
        """Return the first job of each model in a tier, as (sequence, model)."""
        heads = []
        for model, sequences in self._tiers[priority].items():
            while sequences:
                job = self._jobs.get(sequences[0])
                # A job that was replaced may be in another tier now.
                if job is not None and (job.skipped_ms, job.priority, job.model) == (None, priority, model):
                    heads.append((sequences[0], model))
                    break
                heappop(sequences)
        return heads
