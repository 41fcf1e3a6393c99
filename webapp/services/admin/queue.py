"""Admins' actions on the queue and on any account's jobs."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from piccolo.columns import Column
from piccolo.querystring import QueryString

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import InvalidRequest, NotFound, ProductError
from webapp.events import Bus, Event
from webapp.policy.queue.job_actions import PUT_BACK, STOPPED, AdminAction, Steered, refusal
from webapp.policy.queue.job_ids import is_job_id
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.admin.audit import AuditLog
from webapp.services.admin.queries import any_of
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.queries import IS_ACTIVE, next_skip_ms
from webapp.services.queue.skip_payments import SkipPayments
from webapp.settings import Settings
from webapp.tables import Job, QueueState

UNKNOWN: Final = "Job not found"
FULL: Final = "Queue is full"
# More than the queue holds; statements stay of a length that both databases take.
MAX_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of an action on several jobs: the ids it was taken on, and the reasons for the others."""

    done: tuple[str, ...]
    refused: Mapping[str, str]


class QueueAdmin:
    """Pausing, and steering jobs whoever they belong to.

    Each call is one transition of the queue, however many jobs it takes, and is recorded in it.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        bus: Bus,
        *,
        payments: SkipPayments,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._clock = clock
        self._queue_limit = settings.queue_limit
        self._bus = bus
        self._payments = payments
        self._audit = audit
        self._change: dict[AdminAction, Callable[[Sequence[Row], int], Awaitable[None]]] = {
            "cancel": self._cancel,
            "restore": self._put_back,
            "stop": self._stop,
            "retry": self._put_back,
            "move": self._move,
            "unmove": self._unmove,
        }

    async def set_paused(self, identity: Identity, *, is_paused: bool) -> bool:
        """Let no worker take another job, or let them again; returns whether that changed anything.

        Jobs in hand are finished, and jobs may be submitted meanwhile. Raises NotAuthorized.
        """
        require_admin(identity)
        async with queue_transition(self._database) as transition:
            if transition.is_paused == is_paused:
                return False
            await QueueState.update({QueueState.is_paused: is_paused}).where(QueueState.id == 1)
            await self._audit.record(identity.username, "pause" if is_paused else "resume")
        self._bus.publish(Event("queue"), Event("status"))
        return True

    async def act(self, identity: Identity, action: AdminAction, job_id: str) -> None:
        """Take an action on one job.

        Raises NotAuthorized, NotFound, and InvalidRequest when its state, or a full queue, forbids it.
        """
        _, refused = await self._take(identity, action, (job_id,))
        if job_id in refused:
            raise refused[job_id]

    async def act_on(self, identity: Identity, action: AdminAction, job_ids: Iterable[str]) -> Outcome:
        """Take an action on each of these jobs that allows it, all in one transaction.

        - cancel: out of the line; what was paid to skip comes back.
        - restore: an admin's cancellation undone.
        - stop: a job in a worker's hands fails; the worker notices with its next heartbeat.
        - retry: a failed job goes back in line, with all its retries.
        - move, unmove: to the front like a skip that nobody pays for, behind earlier ones; and back.

        Raises NotAuthorized, and InvalidRequest for more than 500 jobs.
        """
        done, refused = await self._take(identity, action, job_ids)
        return Outcome(done, {job_id: error.message for job_id, error in refused.items()})

    async def _take(
        self, identity: Identity, action: AdminAction, job_ids: Iterable[str]
    ) -> tuple[tuple[str, ...], dict[str, ProductError]]:
        """Take an action on jobs; returns those it was taken on, and why not on the others."""
        require_admin(identity)
        wanted = tuple(dict.fromkeys(job_ids))
        if len(wanted) > MAX_AT_ONCE:
            raise InvalidRequest(f"At most {MAX_AT_ONCE} jobs can be changed at once")
        if not wanted:
            return (), {}
        async with queue_transition(self._database):
            rows = await self._rows(wanted)
            refused = await self._refused(action, wanted, rows)
            allowed = [rows[job_id] for job_id in wanted if job_id not in refused]
            if allowed:
                await self._change[action](allowed, self._clock.now_ms())
                done = [row["job_id"] for row in allowed]
                await self._audit.record(identity.username, action, done)
        if allowed:
            self._bus.publish(Event("queue"), *(Event("job", row["job_id"]) for row in allowed))
        return tuple(row["job_id"] for row in allowed), refused

    async def _rows(self, job_ids: Sequence[str]) -> dict[str, Row]:
        # What can be no job's id may be no text to a database either.
        known = [job_id for job_id in job_ids if is_job_id(job_id)] or [""]
        rows = await Job.select(Job.job_id, Job.status, Job.skipped_ms, Job.is_moved, Job.finished_ms).where(
            Job.job_id.is_in(any_of(known))
        )
        return {row["job_id"]: row for row in rows}

    async def _refused(
        self, action: AdminAction, wanted: Sequence[str], rows: Mapping[str, Row]
    ) -> dict[str, ProductError]:
        by_admins = await self._cancelled_by_admins(list(rows)) if action == "restore" else frozenset()
        capacity = await self._capacity() if action in PUT_BACK else len(wanted)
        refused: dict[str, ProductError] = {}
        for job_id in wanted:
            row = rows.get(job_id)
            if row is None:
                refused[job_id] = NotFound(UNKNOWN)
            elif words := refusal(action, _steered(row, job_id in by_admins)):
                refused[job_id] = InvalidRequest(words)
            elif capacity <= 0:
                refused[job_id] = InvalidRequest(FULL)
            else:
                capacity -= 1
        return refused

    async def _cancelled_by_admins(self, job_ids: Sequence[str]) -> frozenset[str]:
        """The jobs whose last cancellation or return was an admin's cancellation."""
        if not job_ids:
            return frozenset()
        last = await self._audit.last_actions(job_ids, ("cancel", "restore"))
        return frozenset(subject for subject, action in last.items() if action == "cancel")

    async def _capacity(self) -> int:
        """Return how many more jobs the queue takes."""
        return self._queue_limit - int(await Job.count().where(IS_ACTIVE))

    # Each of these changes rows whose state was checked in the same transaction.

    async def _cancel(self, rows: Sequence[Row], now_ms: int) -> None:
        await _write(rows, {Job.status: "cancelled", Job.finished_ms: now_ms})
        await self._refund(rows, "The job was cancelled")

    async def _stop(self, rows: Sequence[Row], now_ms: int) -> None:
        await _write(
            rows,
            {
                Job.status: "failed",
                Job.worker_id: None,
                Job.lease_expires_ms: None,
                Job.error: STOPPED,
                Job.finished_ms: now_ms,
            },
        )
        await self._refund(rows, "The job was stopped")

    async def _put_back(self, rows: Sequence[Row], now_ms: int) -> None:
        """Back to the old place. The time out of line is no waiting, so it brings no job nearer its limit.

        What was paid for a skip has come back already: the place is now a present.
        """
        await _write(
            rows,
            {
                Job.status: "queued",
                Job.error: None,
                Job.retry_count: 0,
                Job.lost_workers: 0,
                Job.progress_pct: 0,
                Job.started_ms: None,
                Job.start_order: None,
                Job.is_moved: QueryString("({} IS NOT NULL)", Job.skipped_ms),
                Job.starves_ms: QueryString("{} + {} - {}", Job.starves_ms, now_ms, Job.finished_ms),
                Job.finished_ms: None,
            },
        )

    async def _move(self, rows: Sequence[Row], now_ms: int) -> None:
        await _write(rows, {Job.skipped_ms: next_skip_ms(now_ms), Job.is_moved: True})

    async def _unmove(self, rows: Sequence[Row], now_ms: int) -> None:
        await _write(rows, {Job.skipped_ms: None, Job.is_moved: False})

    async def _refund(self, rows: Iterable[Row], reason: str) -> None:
        for row in rows:
            if row["skipped_ms"] is not None:
                await self._payments.refund(row["job_id"], reason)


def _steered(row: Row, was_cancelled_by_admin: bool) -> Steered:
    return Steered(
        row["status"], row["skipped_ms"] is not None, bool(row["is_moved"]), was_cancelled_by_admin
    )


async def _write(rows: Sequence[Row], values: dict[Column | str, Any]) -> None:
    job_ids = [row["job_id"] for row in rows]
    await Job.update(values).where(Job.job_id.is_in(any_of(job_ids)))
