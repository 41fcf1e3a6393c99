"""Jobs as their owners see and control them."""

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Literal

from webapp.database import Row
from webapp.errors import InvalidRequest, NotAuthorized, NotFound, ProductError
from webapp.events import Event
from webapp.policy.queue.job_actions import JobState, not_waiting_code, not_waiting_reason, refusal_reason
from webapp.policy.queue.job_ids import is_job_id
from webapp.policy.queue.job_status import ACTIVE, JobStatus
from webapp.policy.queue.skip_prices import skip_cost, skip_prices
from webapp.policy.queue.waiting_jobs import skip_would_move
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit_log import AuditLog
from webapp.services.queue import queries
from webapp.services.queue.endings import JobEndings
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
# Recently requested jobs; one with its waveform takes some 30 kB.
CACHED_JOBS = 256


@dataclass(frozen=True, slots=True)
class SkipReceipt:
    """The price of a skip, and the balance after it."""

    cost: int
    new_balance: int


class Jobs:
    """Reads jobs, and cancels, stops, skips and retries them for their owners.

    Admins may cancel and stop any.
    """

    def __init__(
        self,
        base: Foundation,
        *,
        queue: QueueReader,
        submissions: Submissions,
        payments: SkipPayments,
        endings: JobEndings,
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
        self._endings = endings
        self._rate_limits = rate_limits
        self._audit = audit
        self._waiting_queue = waiting_queue
        self._cache: ReadCache[str, JobView] = ReadCache(base.database, base.clock, capacity=CACHED_JOBS)

    async def get(self, identity: Identity, job_id: str) -> JobView:
        """Return one job. Raises NotFound, and NotAuthorized for the job of another account."""
        _require_well_formed(job_id)
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
        """List the account's own jobs since a time, newest first, in one of these states (default: all)."""
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
        """Count the account's jobs in one of these states (default: all)."""
        own = Job.account == account_id
        return int(await Job.count().where(own & Job.status.is_in(list(statuses)) if statuses else own))

    async def sounds_of_other_variations(self, job: JobView) -> list[str]:
        """List the sounds of a job's other variations, which may go if this one's sound is kept.

        Raises InvalidRequest for a job without variations, or whose own sound is gone.
        """
        if job.variation_of is None:
            raise InvalidRequest("This job has no other variations")
        if job.sound is None:
            raise InvalidRequest("The sound of this variation was deleted")
        rows = await Job.select(Job.generation_id).where(
            (Job.account == job.account_id)
            & (Job.variation_of == job.variation_of)
            & (Job.job_id != job.job_id)
            & (Job.status == "completed")
        )
        return [row["generation_id"] for row in rows]

    async def cancel(self, identity: Identity, job_id: str) -> None:
        """Take a waiting job out of the queue, and refund what was paid to skip.

        Raises NotFound, NotAuthorized, InvalidRequest if it is no longer waiting, and LimitReached. A refused
        request does not count towards the limit.
        """
        # Checked first without the lock, so that a request that is refused holds up nobody.
        await self._require_cancellable(identity, job_id)
        async with queue_transition(self._database):
            row = await self._require_cancellable(identity, job_id)
            await self._count(identity, "cancel")
            await self._endings.cancel([row], self._clock.now_ms())
            if row["account"] != identity.account_id:
                await self._audit.record(identity.username, "cancel", (job_id,))
        self._bus.publish(Event("queue"), Event("job", job_id))

    async def stop(self, identity: Identity, job_id: str) -> None:
        """End a running job, as `JobEndings.stop` describes, and refund what was paid to skip.

        It shares the limit of cancellations. Raises NotFound, NotAuthorized, InvalidRequest if it is not
        running, and LimitReached. A refused request does not count towards the limit.
        """
        await self._require_stoppable(identity, job_id)
        async with queue_transition(self._database):
            row = await self._require_stoppable(identity, job_id)
            is_own = row["account"] == identity.account_id
            await self._count(identity, "cancel")
            await self._endings.stop([row], self._clock.now_ms(), by_admin=not is_own)
            if not is_own:
                await self._audit.record(identity.username, "stop", (job_id,))
        self._bus.publish(Event("queue"), Event("job", job_id))

    async def skip(
        self, identity: Identity, job_id: str, *, once: Once[SkipReceipt] | None = None
    ) -> SkipReceipt:
        """Pay to move an own waiting job to the front, behind earlier skips.

        `once` is an idempotency key: a request that was carried out under it before gets the same receipt.

        Raises NotFound, NotAuthorized, InvalidRequest (not waiting, skipped already, at the front already,
        too little Aura) and LimitReached. A refused request does not count towards the limit.
        """
        if once and (made := await once.first_answer()):
            return made
        try:
            await self._require_skippable(identity, job_id)
        except ProductError:
            # The refusal may be due to this very request, carried out in the meantime.
            if once and (made := await once.first_answer()):
                return made
            raise
        async with queue_transition(self._database):
            # Checked again under the lock: an identical request may have been carried out in the meantime.
            if once and (made := await once.first_answer()):
                return made
            row = await self._require_skippable(identity, job_id)
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

        `once` is an idempotency key, as of `skip`. Raises what `get` and `Submissions.submit` raise, and
        InvalidRequest if the job has not failed.
        """
        job = await self.get(identity, job_id)
        if job.status != "failed":
            raise InvalidRequest("Only a failed job can be tried again")
        choice = job.to_new_request(job.seed if job.seed_was_given else None)
        return await self._submissions.submit(identity, choice, once=once)

    async def action_usage(self, identity: Identity, action: Action) -> LimitUsage | None:
        """Return how much of the hourly limit is used; None for admins, who have none."""
        if identity.is_admin:
            return None
        return await self._rate_limits.usage(_bucket(identity, action), self._hourly(action), HOUR_S)

    async def _require_cancellable(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that the account may cancel. Raises what `cancel` raises."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to cancel this job")
        _require_waiting(row, "cancel")
        return row

    async def _require_stoppable(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that the account may stop. Raises what `stop` raises."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to stop this job")
        if reason := refusal_reason("stop", JobState(row["status"])):
            code = None if row["status"] == "queued" else "job_not_queued"
            raise InvalidRequest(reason, code=code)
        return row

    async def _require_skippable(self, identity: Identity, job_id: str) -> Row:
        """Return the row of a job that the account may skip, without checking whether that moves it.

        Raises what `skip` raises.
        """
        row = await self._row(job_id)
        if row["account"] != identity.account_id:
            raise NotAuthorized("Not authorized")
        _require_waiting(row, "skip")
        if row["skipped_ms"] is not None:
            raise InvalidRequest("Job already skipped", code="job_already_skipped")
        return row

    async def _count(self, identity: Identity, action: Action) -> None:
        """Count an action towards the hourly limit, in the caller's transaction. Admins have none."""
        if not identity.is_admin:
            await self._rate_limits.hit(
                _bucket(identity, action), self._hourly(action), HOUR_S, "Rate limit exceeded"
            )

    def _hourly(self, action: Action) -> int:
        return self._settings.cancel_hourly if action == "cancel" else self._settings.skip_hourly

    async def _row(self, job_id: str) -> Row:
        _require_well_formed(job_id)
        row: Row | None = await Job.select().where(Job.job_id == job_id).first()
        if row is None:
            raise NotFound("Job not found")
        return row

    async def _find(self, job_id: str) -> Reading[JobView]:
        jobs, valid_until_ms = await self._with_positions(
            partial(queries.job_with_sound, self._database, job_id)
        )
        if not jobs:
            raise NotFound("Job not found")
        return Reading(jobs[0], valid_until_ms)

    async def _with_positions(self, read: Callable[[], Awaitable[list[Row]]]) -> tuple[list[JobView], float]:
        """Read jobs with their positions in one snapshot of the queue.

        Also return `valid_until_ms`: until then they stay the same if nothing is written (see
        `QueueSnapshot`). Jobs and queue are read again if a job left the queue between the two.
        """
        while True:
            jobs = [job_view(row, self._prices) for row in await read()]
            if not any(job.status in ACTIVE for job in jobs):
                return jobs, math.inf
            snapshot = await self._queue.snapshot()
            positioned = [_positioned(job, snapshot) for job in jobs]
            if None not in positioned:
                return [job for job in positioned if job is not None], snapshot.valid_until_ms


def _positioned(job: JobView, snapshot: QueueSnapshot) -> JobView | None:
    """Return the job with its position; None if it was active but is not in the snapshot."""
    if job.status not in ACTIVE:
        return job
    queued = snapshot.find(job.job_id)
    return with_position(job, queued) if queued else None


def _bucket(identity: Identity, action: Action) -> str:
    return f"{action}/account/{identity.account_id}"


def _require_well_formed(job_id: str) -> None:
    """Raise NotFound for a malformed id, which may even be a string that the database rejects."""
    if not is_job_id(job_id):
        raise NotFound("Job not found")


def _require_waiting(row: Row, action: Action) -> None:
    if row["status"] != "queued":
        reason = not_waiting_reason(row["status"], action)
        raise InvalidRequest(reason, code=not_waiting_code(row["status"]))
