"""Jobs as their owners see and steer them."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from webapp.database import Row
from webapp.errors import InvalidRequest, NotAuthorized, NotFound, ProductError
from webapp.events import Event
from webapp.policy.queue.job_actions import STOPPED, Steered, refusal
from webapp.policy.queue.job_ids import is_job_id
from webapp.policy.queue.job_status import ACTIVE, JobStatus
from webapp.policy.queue.ordering import skip_would_move
from webapp.policy.queue.pricing import skip_cost, skip_prices
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit import AuditLog
from webapp.services.queue import queries
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.rows import job_view, waiting_job, with_position
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.queue.snapshot import QueueReader
from webapp.services.queue.submissions import Submissions, Submitted
from webapp.services.queue.views import JobView, QueueSnapshot
from webapp.services.queue.waiting import WaitingQueueReader
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.idempotency import Once
from webapp.services.shared.rate_limits import HOUR_S, LimitUsage, RateLimits
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.tables import Job

Action = Literal["cancel", "skip"]
# Jobs that were asked for lately; one with its waveform takes some 30 kB.
REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class SkipReceipt:
    """The price of a skip and the Aura left."""

    cost: int
    new_balance: int


class Jobs:
    """Looks jobs up, cancels and stops them, and moves them to the front."""

    def __init__(
        self,
        base: Foundation,
        *,
        queue: QueueReader,
        submissions: Submissions,
        payments: SkipPayments,
        rate_limits: RateLimits,
        audit: AuditLog,
        waiting_queue: WaitingQueueReader,
    ) -> None:
        self._database = base.database
        self._clock = base.clock
        self._settings = base.settings
        self._prices = skip_prices(base.settings)
        self._bus = base.bus
        self._queue = queue
        self._submissions = submissions
        self._payments = payments
        self._rate_limits = rate_limits
        self._audit = audit
        self._waiting_queue = waiting_queue
        self._cache: ReadCache[str, JobView] = ReadCache(base.database, base.clock, capacity=REMEMBERED)

    async def get(self, identity: Identity, job_id: str) -> JobView:
        """Return one job. Raises NotFound, and NotAuthorized for somebody else's."""
        _require_job_id(job_id)
        job = await self._cache.get(job_id, partial(self._find, job_id))
        if job.account_id != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to view this job")
        return job

    async def of_account(
        self,
        account_id: int,
        *,
        statuses: tuple[JobStatus, ...] = (),
        since_ms: int = 0,
        limit: int = 20,
        offset: int = 0,
    ) -> list[JobView]:
        """List the account's own jobs since a time, newest first, in any of these states (default: all)."""
        jobs, _ = await self._with_positions(
            partial(
                queries.jobs_of_account,
                self._database,
                account_id,
                since_ms=since_ms,
                statuses=statuses,
                limit=limit,
                offset=offset,
            )
        )
        return jobs

    async def count_of_account(self, account_id: int, *, statuses: tuple[JobStatus, ...] = ()) -> int:
        """Count the jobs the account has, in any of these states (default: all)."""
        own = Job.account == account_id
        return int(await Job.count().where(own & Job.status.is_in(list(statuses)) if statuses else own))

    async def sounds_of_other_variations(self, job: JobView) -> list[str]:
        """List the sounds of a job's other variations. Raises InvalidRequest for a job alone."""
        if job.variation_of is None:
            raise InvalidRequest("This job has no other variations")
        rows = await Job.select(Job.generation_id).where(
            (Job.account == job.account_id)
            & (Job.variation_of == job.variation_of)
            & (Job.job_id != job.job_id)
            & (Job.status == "completed")
        )
        return [row["generation_id"] for row in rows]

    async def cancel(self, identity: Identity, job_id: str) -> None:
        """Take a waiting job out of the queue; what was paid to skip comes back.

        Raises NotFound, NotAuthorized, InvalidRequest when it is no longer waiting, and LimitReached. What is
        refused counts for no limit.
        """
        # Before anything is locked or counted: what is refused costs nobody anything.
        await self._to_cancel(identity, job_id)
        async with queue_transition(self._database):
            row = await self._to_cancel(identity, job_id)
            await self._count(identity, "cancel")
            await Job.update({Job.status: "cancelled", Job.finished_ms: self._clock.now_ms()}).where(
                Job.job_id == job_id
            )
            await self._payments.refund(job_id, "The job was cancelled")
            if row["account"] != identity.account_id:
                await self._audit.record(identity.username, "cancel", (job_id,))
        self._bus.publish(Event("queue"), Event("job", job_id))

    async def stop(self, identity: Identity, job_id: str) -> None:
        """End a running job: its claim no longer holds, and the worker drops it between two steps.

        An owner's job ends as cancelled, and one that an admin stops as failed; what was paid to skip comes
        back. Counts with cancellations. Raises NotFound, NotAuthorized, InvalidRequest when it is not
        running, and LimitReached. What is refused counts for no limit.
        """
        await self._to_stop(identity, job_id)
        async with queue_transition(self._database):
            row = await self._to_stop(identity, job_id)
            is_own = row["account"] == identity.account_id
            await self._count(identity, "cancel")
            await Job.update(
                {
                    Job.status: "cancelled" if is_own else "failed",
                    Job.error: None if is_own else STOPPED,
                    Job.worker_id: None,
                    Job.lease_expires_ms: None,
                    Job.finished_ms: self._clock.now_ms(),
                }
            ).where(Job.job_id == job_id)
            await self._payments.refund(job_id, "The job was stopped")
            if not is_own:
                await self._audit.record(identity.username, "stop", (job_id,))
        self._bus.publish(Event("queue"), Event("job", job_id))

    async def skip(
        self, identity: Identity, job_id: str, *, once: Once[SkipReceipt] | None = None
    ) -> SkipReceipt:
        """Pay to move an own waiting job to the front, behind earlier skips.

        Under a key (`once`) a skip that was made before is answered as it was then.

        Raises NotFound, NotAuthorized, InvalidRequest (not waiting, skipped already, at the front already,
        too little Aura) and LimitReached. What is refused counts for no limit.
        """
        if once and (made := await once.first_answer()):
            return made
        try:
            await self._to_skip(identity, job_id)
        except ProductError:
            # It may be this very request that was carried out meanwhile.
            if once and (made := await once.first_answer()):
                return made
            raise
        async with queue_transition(self._database):
            # Again, now that nobody else can be making it.
            if once and (made := await once.first_answer()):
                return made
            row = await self._to_skip(identity, job_id)
            now_ms = self._clock.now_ms()
            queue = await self._waiting_queue.read()
            if not skip_would_move(queue.waiting, waiting_job(row), now_ms, queue.affinities):
                raise InvalidRequest("Job is already at the front")
            cost = skip_cost(row["duration_s"], self._prices)
            balance = await self._payments.charge(identity.account_id, job_id, cost)
            await self._count(identity, "skip")
            await Job.update({Job.skipped_ms: queries.next_skip_ms(now_ms)}).where(Job.job_id == job_id)
            receipt = SkipReceipt(cost, balance)
            if once:
                await once.keep(receipt)
        self._bus.publish(Event("queue"), Event("job", job_id))
        return receipt

    async def retry(
        self, identity: Identity, job_id: str, *, once: Once[Submitted] | None = None
    ) -> Submitted:
        """Submit a failed job again, as a new job within the usual limits.

        Raises as `get` and `Submissions.submit` do, and InvalidRequest when the job has not failed.
        """
        job = await self.get(identity, job_id)
        if job.status != "failed":
            raise InvalidRequest("Only a failed job can be tried again")
        choice = job.asked_again(job.seed if job.seed_was_given else None)
        return await self._submissions.submit(identity, choice, once=once)

    async def action_usage(self, identity: Identity, action: Action) -> LimitUsage | None:
        """Count the hour's used cancellations or skips; None for admins, who have no limit."""
        if identity.is_admin:
            return None
        return await self._rate_limits.usage(_bucket(identity, action), self._hourly(action), HOUR_S)

    async def _to_cancel(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that may be cancelled. Raises as `cancel` does."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to cancel this job")
        _require_waiting(row, "cancel")
        return row

    async def _to_stop(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that may be stopped. Raises as `stop` does."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to stop this job")
        if words := refusal("stop", Steered(row["status"])):
            raise InvalidRequest(words)
        return row

    async def _to_skip(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that may be skipped, if that moves it. Raises as `skip` does."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id:
            raise NotAuthorized("Not authorized")
        _require_waiting(row, "skip")
        if row["skipped_ms"] is not None:
            raise InvalidRequest("Job already skipped")
        return row

    async def _count(self, identity: Identity, action: Action) -> None:
        """Count one for the account's hour, in the caller's transaction. Admins have no limit."""
        if not identity.is_admin:
            await self._rate_limits.hit(
                _bucket(identity, action), self._hourly(action), HOUR_S, "Rate limit exceeded"
            )

    def _hourly(self, action: Action) -> int:
        return self._settings.cancel_hourly if action == "cancel" else self._settings.skip_hourly

    async def _row(self, job_id: str) -> Row:
        _require_job_id(job_id)
        row: Row | None = await Job.select().where(Job.job_id == job_id).first()
        if row is None:
            raise NotFound("Job not found")
        return row

    async def _find(self, job_id: str) -> Reading[JobView]:
        jobs, until_ms = await self._with_positions(partial(queries.job_with_sound, self._database, job_id))
        if not jobs:
            raise NotFound("Job not found")
        return Reading(jobs[0], until_ms)

    async def _with_positions(self, read: Callable[[], Awaitable[list[Row]]]) -> tuple[list[JobView], float]:
        """Read jobs and their positions as of one moment, and until when time alone leaves them unchanged.

        They are read again if one left the queue in between.
        """
        while True:
            jobs = [job_view(row, self._prices) for row in await read()]
            if not any(job.status in ACTIVE for job in jobs):
                return jobs, math.inf
            snapshot = await self._queue.snapshot()
            positioned = [_positioned(job, snapshot) for job in jobs]
            if None not in positioned:
                return [job for job in positioned if job is not None], snapshot.until_ms


def _positioned(job: JobView, snapshot: QueueSnapshot) -> JobView | None:
    """Give the job its position; None for one that was active and is not in the queue."""
    if job.status not in ACTIVE:
        return job
    queued = snapshot.find(job.job_id)
    return with_position(job, queued) if queued else None


def _bucket(identity: Identity, action: Action) -> str:
    return f"{action}/account/{identity.account_id}"


def _require_job_id(text: str) -> None:
    """Raise NotFound for what can be no job's id, some of which is no text to a database either."""
    if not is_job_id(text):
        raise NotFound("Job not found")


def _require_waiting(row: Row, action: Action) -> None:
    if row["status"] == "processing":
        raise InvalidRequest(f"Cannot {action} a job that is already processing")
    if row["status"] != "queued":
        raise InvalidRequest("Job is not in queue")
