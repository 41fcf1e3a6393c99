"""Explains the position of each waiting job."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from webapp.policy.queue.ordering import Waiting, rank_reason

# Beside the rules of the order, moved: an admin moved the job to the front. loaded: it goes before one that
# was submitted earlier, because a worker has loaded its model. no_worker: no worker can make its model.
PositionReason = Literal["moved", "skipped", "starving", "loaded", "no_worker", "tier"]


@dataclass(frozen=True, slots=True)
class JobsAhead:
    """The waiting jobs before one: skipped or starving (`front`), of better tiers, and of its own tier."""

    front: int = 0
    better: int = 0
    same: int = 0


NOTHING_AHEAD: Final = JobsAhead()


def ahead_of_each(waiting: Sequence[Waiting], now_ms: int) -> list[JobsAhead]:
    """Count the jobs before each of the waiting jobs, which are in queue order."""
    found: list[JobsAhead] = []
    front = 0
    by_priority: dict[int, int] = {}
    for job in waiting:
        better = sum(count for priority, count in by_priority.items() if priority < job.priority)
        found.append(JobsAhead(front, better, by_priority.get(job.priority, 0)))
        if rank_reason(job, now_ms) == "tier":
            by_priority[job.priority] = by_priority.get(job.priority, 0) + 1
        else:
            front += 1
    return found


def position_reasons(
    waiting: Sequence[Waiting],
    now_ms: int,
    moved: Collection[int] = frozenset(),
    lacking: Collection[str] = frozenset(),
) -> list[PositionReason]:
    """Return the reason for the position of each of the waiting jobs, which are in queue order.

    `moved` has the sequence numbers of jobs that an admin moved; `lacking` the models that no worker can
    make.
    """
    reasons: list[PositionReason] = []
    # By tier: the lowest sequence number among the jobs further back.
    earliest_behind: dict[int, int] = {}
    for job in reversed(waiting):
        reason: PositionReason = rank_reason(job, now_ms)
        if job.model in lacking:
            reasons.append("no_worker")
            continue
        if reason == "skipped" and job.sequence in moved:
            reason = "moved"
        elif reason == "tier":
            behind = earliest_behind.get(job.priority, job.sequence)
            earliest_behind[job.priority] = min(behind, job.sequence)
            if behind < job.sequence:
                reason = "loaded"
        reasons.append(reason)
    return reasons[::-1]
