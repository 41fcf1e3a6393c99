"""Variations A, B, C and D of one prompt, which were asked for at once and stand side by side."""

from collections.abc import Sequence
from itertools import groupby

from webapp.services.queue.views import JobView


def in_groups(jobs: Sequence[JobView]) -> tuple[JobView, ...]:
    """Newest first, as given, but the variations of one request in the order of their letters."""
    groups = groupby(jobs, lambda job: job.variation_of or job.job_id)
    return tuple(job for _, group in groups for job in reversed(list(group)))
