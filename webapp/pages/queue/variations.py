"""Variations A, B, C and D of one prompt, which were asked for at once and stand side by side."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from webapp.services.queue.views import JobView


def in_groups(jobs: Sequence[JobView]) -> tuple[JobView, ...]:
    """Newest first, as given, but the variations of one request in the order of their letters.

    Variations whose sounds were deleted leave their group. The last of a group is a variation no more.
    """
    groups = groupby(jobs, lambda job: job.variation_of or job.job_id)
    return tuple(job for _, group in groups for job in _that_remain(list(group)[::-1]))


def _that_remain(group: list[JobView]) -> list[JobView]:
    if len(group) == 1:
        return group
    remain = [job for job in group if job.sound or job.status != "completed"] or group[:1]
    return remain if len(remain) > 1 else [replace(remain[0], variation_of=None, variation="")]
