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

A worker that can make only some models takes the first job that it can make, by the same rules.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Literal, Protocol, TypeVar

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
    """A worker's loaded models, how often it has preferred jobs for them, and the models it can make.

    `ready` has the models that need no loading now; None where no model ever does. `streak` counts
    the jobs that it preferred since it last loaded a model, and may not exceed `limit`. `makes` is None
    for a worker that can make every model.
    """

    ready: frozenset[str] | None = None
    streak: int = 0
    limit: int = 0
    makes: frozenset[str] | None = None

    def can_make(self, model: str) -> bool:
        """Return whether the worker can take a job for this model."""
        return self.makes is None or model in self.makes

    def can_affect_order(self, models: Collection[str]) -> bool:
        """Return whether the order of jobs for these models can depend on this worker."""
        if self.makes is not None and not self.makes.issuperset(models):
            return True
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
    """Return the job that a worker takes now, and its state after it; None when nothing waits for it."""
    waiting = [job for job in jobs if affinity.can_make(job.model)]
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
