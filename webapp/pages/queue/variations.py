"""Variations A, B, C and D of one prompt, which were asked for at once and stand side by side."""

from collections.abc import Sequence
from itertools import groupby
from string import ascii_uppercase

from webapp.services.queue.views import JobView


def in_groups(jobs: Sequence[JobView]) -> tuple[JobView, ...]:
    """Newest first, as given, but the variations of one request in the order of their letters."""
    return tuple(job for group in _groups(jobs) for job in group)


def letters(jobs: Sequence[JobView]) -> dict[str, str]:
    """The letter of each variation by its job's id; a job that was asked for alone has none."""
    return {
        job.job_id: letter
        for group in _groups(jobs)
        if len(group) > 1
        for job, letter in zip(group, ascii_uppercase, strict=False)
    }


def others(jobs: Sequence[JobView], job_id: str) -> tuple[JobView, ...]:
    """The other variations of the request that a job belongs to."""
    group = next((group for group in _groups(jobs) if any(job.job_id == job_id for job in group)), [])
    return tuple(job for job in group if job.job_id != job_id)


def _groups(jobs: Sequence[JobView]) -> list[list[JobView]]:
    """The jobs by request, which one transaction put in line; the first variation first."""

    def request(job: JobView) -> tuple[object, ...]:
        return (job.created_ms, job.prompt, job.model, job.duration_s, job.is_loopable)

    return [list(group)[::-1] for _, group in groupby(jobs, request)]
