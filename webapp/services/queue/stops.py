"""Stopping a job that is being made."""

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import InvalidRequest, NotAuthorized, NotFound
from webapp.events import Bus, Event
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit import AuditLog
from webapp.services.queue.jobs import JOB_ID
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.shared.rate_limits import HOUR_S, RateLimits
from webapp.settings import Settings
from webapp.tables import Job


class Stops:
    """Ends jobs in workers' hands: the claim no longer holds, and the worker drops it between two steps."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        bus: Bus,
        *,
        payments: SkipPayments,
        rate_limits: RateLimits,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._clock = clock
        self._hourly = settings.cancel_hourly
        self._bus = bus
        self._payments = payments
        self._rate_limits = rate_limits
        self._audit = audit

    async def stop(self, identity: Identity, job_id: str) -> None:
        """End a job that is being made as cancelled; what was paid to skip comes back.

        Counts with cancellations. Raises NotFound, NotAuthorized, InvalidRequest when it is not being made,
        and LimitReached. What is refused counts for no limit.
        """
        await self._owner_of(identity, job_id)
        async with queue_transition(self._database):
            owner = await self._owner_of(identity, job_id)
            if not identity.is_admin:
                bucket = f"cancel/account/{identity.account_id}"
                await self._rate_limits.hit(bucket, self._hourly, HOUR_S, "Rate limit exceeded")
            await Job.update(
                {
                    Job.status: "cancelled",
                    Job.worker_id: None,
                    Job.lease_expires_ms: None,
                    Job.finished_ms: self._clock.now_ms(),
                }
            ).where(Job.job_id == job_id)
            await self._payments.refund(job_id, "The job was stopped")
            if owner != identity.account_id:
                await self._audit.record(identity.username, "stop", (job_id,))
        self._bus.publish(Event("queue"), Event("job", job_id))

    async def _owner_of(self, identity: Identity, job_id: str) -> int:
        """The account of a job that may be stopped. Raises as `stop` does."""
        rows = []
        if JOB_ID.fullmatch(job_id):
            rows = await Job.select(Job.account, Job.status).where(Job.job_id == job_id)
        if not rows:
            raise NotFound("Job not found")
        owner: int = rows[0]["account"]
        if owner != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to stop this job")
        if rows[0]["status"] == "queued":
            raise InvalidRequest("Job is not being generated; cancel it instead")
        if rows[0]["status"] != "processing":
            raise InvalidRequest("Job is not in queue")
        return owner
