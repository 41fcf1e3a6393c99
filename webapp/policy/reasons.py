"""Why each waiting job stands where it does."""

from collections.abc import Collection, Sequence
from typing import Literal

from webapp.policy.ordering import Waiting, reason_for_place

# moved: an admin put it in front. loaded: it goes before an earlier one because its model is loaded.
PlaceReason = Literal["moved", "skipped", "starving", "loaded", "tier"]


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
