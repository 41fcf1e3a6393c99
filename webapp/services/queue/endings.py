"""Ends jobs that will not be completed: cancels waiting ones and stops running ones."""

from collections.abc import Sequence
from typing import Any

from piccolo.columns import Column

from webapp.database import Row
from webapp.policy.queue.job_actions import STOPPED_BY_ADMIN
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.shared.queries import any_of
from webapp.tables import Job


class JobEndings:
    """Ends jobs whose state the caller has checked, within the caller's queue transition.

    Rows need `job_id` and `skipped_ms`. What was paid to skip is refunded.
    """

    def __init__(self, payments: SkipPayments) -> None:
        self._payments = payments

    async def cancel(self, jobs: Sequence[Row], now_ms: int) -> None:
        """Take waiting jobs out of the queue."""
        await self._end(jobs, {Job.status: "cancelled", Job.finished_ms: now_ms}, "The job was cancelled")

    async def stop(self, jobs: Sequence[Row], now_ms: int, *, by_admin: bool) -> None:
        """End running jobs: their claims no longer hold, and the workers drop them between two steps.

        A job that its owner stops ends as cancelled; one that an admin stops, as failed.
        """
        values: dict[Column | str, Any] = {
            Job.status: "failed" if by_admin else "cancelled",
            Job.error: STOPPED_BY_ADMIN if by_admin else None,
            Job.worker_id: None,
            Job.lease_expires_ms: None,
            Job.finished_ms: now_ms,
        }
        await self._end(jobs, values, "The job was stopped")

    async def _end(self, jobs: Sequence[Row], values: dict[Column | str, Any], refund_reason: str) -> None:
        await Job.update(values).where(Job.job_id.is_in(any_of([job["job_id"] for job in jobs])))
        for job in jobs:
            if job["skipped_ms"] is not None:
                await self._payments.refund(job["job_id"], refund_reason)
