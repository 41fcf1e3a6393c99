"""Why each waiting job stands where it does."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from webapp.policy.queue.ordering import Waiting, reason_for_place

# moved: an admin put it in front. loaded: it goes before an earlier one because its model is loaded.
PlaceReason = Literal["moved", "skipped", "starving", "loaded", "tier"]


@dataclass(frozen=True, slots=True)
class Ahead:
    """The number of waiting jobs before one: before all tiers (`front`), of better tiers, of its own."""

    front: int = 0
    better: int = 0
    same: int = 0


NOTHING_AHEAD: Final = Ahead()


def ahead_of_each(line: Sequence[Waiting], now_ms: int) -> list[Ahead]:
    """Count the jobs before each job of a line that is in order."""
    found: list[Ahead] = []
    front = 0
    by_priority: dict[int, int] = {}
    for job in line:
        better = sum(count for priority, count in by_priority.items() if priority < job.priority)
        found.append(Ahead(front, better, by_priority.get(job.priority, 0)))
        if reason_for_place(job, now_ms) == "tier":
            by_priority[job.priority] = by_priority.get(job.priority, 0) + 1
        else:
            front += 1
    return found


def place_reasons(
    line: Sequence[Waiting], now_ms: int, moved: Collection[int] = frozenset()
) -> list[PlaceReason]:
    """The reason for each place of a line that is in order; `moved` has the sequences that admins moved."""
    reasons: list[PlaceReason] = []
    # By tier: the earliest of the jobs further back.
    earliest_behind: dict[int, int] = {}
    for job in reversed(line):
        reason: PlaceReason = reason_for_place(job, now_ms)
        if reason == "skipped" and job.sequence in moved:
            reason = "moved"
        elif reason == "tier":
            behind = earliest_behind.get(job.priority, job.sequence)
            earliest_behind[job.priority] = min(behind, job.sequence)
            if behind < job.sequence:
                reason = "loaded"
        reasons.append(reason)
    return reasons[::-1]
