"""Jobs as their owners see and steer them."""

import math
import re
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal

from webapp.errors import InvalidRequest, NotAuthorized, NotFound, ProductError
from webapp.events import Event
from webapp.policy.ordering import skip_would_move
from webapp.policy.pricing import skip_cost, skip_prices
from webapp.services.accounts.identity import Identity
from webapp.services.admin.audit import AuditLog
from webapp.services.queue.clock_steps import NEXT_SKIP_MS
from webapp.services.queue.lock import queue_turn
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.queue.snapshot import QueueReader
from webapp.services.queue.submissions import Submissions, Submitted
from webapp.services.queue.waiting import LineReader
from webapp.services.rows import JOB_WITH_SOUND, Row, in_place, job_view, waiting_job
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.idempotency import Once
from webapp.services.shared.rate_limits import HOUR_S, Throttle, ThrottleUsage
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.views import ACTIVE, JobStatus, JobView, QueueSnapshot

Action = Literal["cancel", "skip"]
JOB_ID: Final = re.compile("[0-9a-f]{12}")
# Jobs that were asked for lately; one with its waveform takes some 30 kB.
REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class SkipReceipt:
    """What a skip cost and what is left."""

    cost: int
    new_balance: int


class Jobs:
    """Looks jobs up, cancels them and moves them to the front."""

    def __init__(
        self,
        base: Foundation,
        *,
        queue: QueueReader,
        submissions: Submissions,
        payments: SkipPayments,
        throttle: Throttle,
        audit: AuditLog,
        lines: LineReader,
    ) -> None:
        self._database = base.database
        self._clock = base.clock
        self._settings = base.settings
        self._prices = skip_prices(base.settings)
        self._bus = base.bus
        self._queue = queue
        self._submissions = submissions
        self._payments = payments
        self._throttle = throttle
        self._audit = audit
        self._lines = lines
        self._cache: ReadCache[str, JobView] = ReadCache(base.database, base.clock, capacity=REMEMBERED)

    async def get(self, identity: Identity, job_id: str) -> JobView:
        """One job. Raises NotFound, and NotAuthorized for somebody else's."""
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
        """The account's own jobs since a time, newest first, in any of the given states (default: all)."""
        among = f" AND job.status IN ({', '.join('{}' for _ in statuses)})" if statuses else ""
        jobs, _ = await self._in_places(
            f"job.account = {{}} AND job.created_ms >= {{}}{among}"
            " ORDER BY job.created_ms DESC, job.sequence DESC LIMIT {} OFFSET {}",
            account_id,
            since_ms,
            *statuses,
            limit,
            offset,
        )
        return jobs

    async def count_of_account(self, account_id: int, *, statuses: tuple[JobStatus, ...] = ()) -> int:
        """How many jobs the account has, in any of the given states (default: all)."""
        among = f" AND status IN ({', '.join('{}' for _ in statuses)})" if statuses else ""
        rows = await self._database.fetch(
            f"SELECT COUNT(*) AS total FROM job WHERE account = {{}}{among}", account_id, *statuses
        )
        return int(rows[0]["total"])

    async def cancel(self, identity: Identity, job_id: str) -> None:
        """Take a waiting job out of the queue; what was paid to skip comes back.

        Raises NotFound, NotAuthorized, InvalidRequest when it is no longer waiting, and LimitReached. What is
        refused counts for no limit.
        """
        # Before anything is locked or counted: what is refused costs nobody anything.
        await self._to_cancel(identity, job_id)
        async with queue_turn(self._database):
            row = await self._to_cancel(identity, job_id)
            await self._count(identity, "cancel")
            await self._database.fetch(
                "UPDATE job SET status = 'cancelled', finished_ms = {} WHERE job_id = {}",
                self._clock.now_ms(),
                job_id,
            )
            await self._payments.refund(job_id, "The job was cancelled")
            if row["account"] != identity.account_id:
                await self._audit.record(identity.username, "cancel", (job_id,))
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
        async with queue_turn(self._database):
            # Again, now that nobody else can be making it.
            if once and (made := await once.first_answer()):
                return made
            row = await self._to_skip(identity, job_id)
            now_ms = self._clock.now_ms()
            line = await self._lines.read()
            if not skip_would_move(line.waiting, waiting_job(row), now_ms, line.turns):
                raise InvalidRequest("Job is already at the front")
            cost = skip_cost(row["duration_s"], self._prices)
            balance = await self._payments.charge(identity.account_id, job_id, cost)
            await self._count(identity, "skip")
            await self._database.fetch(
                f"UPDATE job SET skipped_ms = {NEXT_SKIP_MS} WHERE job_id = {{}}", now_ms, now_ms, job_id
            )
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

    async def action_usage(self, identity: Identity, action: Action) -> ThrottleUsage | None:
        """How much of the hour's cancellations or skips is used up; None for admins, who have no limit."""
        if identity.is_admin:
            return None
        return await self._throttle.usage(_bucket(identity, action), self._hourly(action), HOUR_S)

    async def _to_cancel(self, identity: Identity, job_id: str) -> Row:
        """The row of a job that may be cancelled. Raises as `cancel` does."""
        row = await self._row(job_id)
        if row["account"] != identity.account_id and not identity.is_admin:
            raise NotAuthorized("Not authorized to cancel this job")
        _require_waiting(row, "cancel")
        return row

    async def _to_skip(self, identity: Identity, job_id: str) -> Row:
        """The row of a job that may be skipped, if that moves it. Raises as `skip` does."""
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
            await self._throttle.hit(
                _bucket(identity, action), self._hourly(action), HOUR_S, "Rate limit exceeded"
            )

    def _hourly(self, action: Action) -> int:
        return self._settings.cancel_hourly if action == "cancel" else self._settings.skip_hourly

    async def _row(self, job_id: str) -> Row:
        _require_job_id(job_id)
        rows = await self._database.fetch("SELECT * FROM job WHERE job_id = {}", job_id)
        if not rows:
            raise NotFound("Job not found")
        return rows[0]

    async def _find(self, job_id: str) -> Reading[JobView]:
        jobs, until_ms = await self._in_places("job.job_id = {}", job_id)
        if not jobs:
            raise NotFound("Job not found")
        return Reading(jobs[0], until_ms)

    async def _in_places(self, condition: str, *arguments: object) -> tuple[list[JobView], float]:
        """Jobs and their places as of one moment, and until when time leaves them there.

        They are read again if one left the queue in between.
        """
        while True:
            rows = await self._database.fetch(f"{JOB_WITH_SOUND} WHERE {condition}", *arguments)
            jobs = [job_view(row, self._prices) for row in rows]
            if not any(job.status in ACTIVE for job in jobs):
                return jobs, math.inf
            snapshot = await self._queue.snapshot()
            placed = [_in_place(job, snapshot) for job in jobs]
            if None not in placed:
                return [job for job in placed if job is not None], snapshot.until_ms


def _in_place(job: JobView, snapshot: QueueSnapshot) -> JobView | None:
    """The job where it stands; None for one that was active and is not in the queue."""
    if job.status not in ACTIVE:
        return job
    queued = snapshot.find(job.job_id)
    return in_place(job, queued) if queued else None


def _bucket(identity: Identity, action: Action) -> str:
    return f"{action}/account/{identity.account_id}"


def _require_job_id(text: str) -> None:
    """Raise NotFound for what can be no job's id, some of which is no text to a database either."""
    if JOB_ID.fullmatch(text) is None:
        raise NotFound("Job not found")


def _require_waiting(row: Row, action: Action) -> None:
    if row["status"] == "processing":
        raise InvalidRequest(f"Cannot {action} a job that is already processing")
    if row["status"] != "queued":
        raise InvalidRequest("Job is not in queue")
