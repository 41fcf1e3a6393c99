"""Who goes next: one pure order behind every shown place, every estimate and every claim.

1. Skipped jobs, oldest skip first.
2. Jobs that have waited past their tier's limit, furthest past it first.
3. The others by tier, and within a tier in the order in which they came.

A job's limit is a point in time fixed when it was submitted (`starves_ms`), so "furthest past it"
is "earliest limit". Ties fall to the order of submission. A job that is returned to the queue
keeps all of these, hence its place.
"""

from collections.abc import Iterable
from dataclasses import dataclass
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
    """What the order needs to know of a waiting job."""

    @property
    def sequence(self) -> int: ...
    @property
    def priority(self) -> int: ...
    @property
    def skipped_ms(self) -> int | None: ...
    @property
    def starves_ms(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class WaitingJob:
    """A waiting job reduced to what decides its place."""

    sequence: int
    priority: int
    skipped_ms: int | None = None
    starves_ms: int | None = None


W = TypeVar("W", bound=Waiting)


def order_key(job: Waiting, now_ms: int) -> tuple[int, int, int]:
    """The sort key of a waiting job at a moment; smaller goes earlier, and no two are equal."""
    if job.skipped_ms is not None:
        return (Rank.SKIPPED, job.skipped_ms, job.sequence)
    if job.starves_ms is not None and job.starves_ms <= now_ms:
        return (Rank.STARVING, job.starves_ms, job.sequence)
    return (Rank.BY_TIER, job.priority, job.sequence)


def in_order(jobs: Iterable[W], now_ms: int) -> list[W]:
    """The waiting jobs in the order in which they would be taken now."""
    return sorted(jobs, key=lambda job: order_key(job, now_ms))


def reason_for_place(job: Waiting, now_ms: int) -> Reason:
    """Why a waiting job stands where it does."""
    return REASONS[Rank(order_key(job, now_ms)[0])]
