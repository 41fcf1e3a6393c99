"""Variations A, B, C and D of one prompt, which were asked for at once and stand on one card."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from webapp.pages.queue.generate_contexts import JobFragment, TakeFragment, TakesFragment
from webapp.services.queue.views import JobView

JobGroups = tuple[tuple[JobView, ...], ...]


def in_groups(jobs: Sequence[JobView]) -> JobGroups:
    """Group the variations of one request, in the order of their letters; every other job is alone.

    Groups are in the order of the jobs, newest first. Variations whose sounds were deleted leave their group,
    and the last of a group is a variation no more.
    """
    groups = groupby(jobs, lambda job: job.variation_of or job.job_id)
    return tuple(tuple(_that_remain(list(group)[::-1])) for _, group in groups)


def card_of(job: JobView, balance: int) -> JobFragment | TakeFragment:
    """Return the card of a job: of its own, or its part of the card that it shares."""
    return TakeFragment(job, balance) if job.variation else JobFragment(job, balance)


def group_card(group: Sequence[JobView], balance: int) -> JobFragment | TakesFragment:
    """Return the card of a group."""
    first = group[0]
    return TakesFragment(tuple(group), balance) if first.variation else JobFragment(first, balance)


def _that_remain(group: list[JobView]) -> list[JobView]:
    if len(group) == 1:
        return group
    remain = [job for job in group if job.sound or job.status != "completed"] or group[:1]
    return remain if len(remain) > 1 else [replace(remain[0], variation_of=None, variation="")]
