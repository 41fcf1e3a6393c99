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
from webapp.policy.queue.job_actions import PUT_BACK, AdminAction, JobState, refusal_reason
from webapp.policy.queue.job_ids import is_job_id
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.admin.audit_log import AuditLog
from webapp.services.queue.endings import JobEndings
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.queries import IS_ACTIVE, next_skip_ms
from webapp.services.shared.queries import any_of
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
    """Pauses the queue, and takes actions on jobs of any account.

    Each call is one queue transition, however many jobs it changes, and is recorded in the audit log.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        bus: Bus,
        *,
        endings: JobEndings,
        audit: AuditLog,
    ) -> None:
        self._database = database
        self._clock = clock
        self._queue_limit = settings.queue_limit
        self._bus = bus
        self._endings = endings
        self._audit = audit
        self._change: dict[AdminAction, Callable[[Sequence[Row], int], Awaitable[None]]] = {
            "cancel": endings.cancel,
            "restore": self._put_back,
            "stop": self._stop,
            "retry": self._put_back,
            "move": self._move,
            "unmove": self._unmove,
        }

    async def set_paused(self, identity: Identity, *, is_paused: bool) -> bool:
        """Pause or resume the queue; return whether that changed anything.

        While it is paused, running jobs are finished and jobs may be submitted. Raises NotAuthorized.
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

        - cancel: take a waiting job out of the queue; refund what was paid to skip.
        - restore: undo an admin's cancellation.
        - stop: fail a running job; its worker notices with its next heartbeat.
        - retry: put a failed job back into the queue, with all its retries.
        - move, unmove: move a job to the front like a skip, behind earlier ones, but free; and undo that.

        Raises NotAuthorized, and InvalidRequest for more than 500 jobs.
        """
        done, refused = await self._take(identity, action, job_ids)
        return Outcome(done, {job_id: error.message for job_id, error in refused.items()})

    async def _take(
        self, identity: Identity, action: AdminAction, job_ids: Iterable[str]
    ) -> tuple[tuple[str, ...], dict[str, ProductError]]:
        """Take an action on jobs; return those it was taken on, and the errors for the others."""
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
        # A malformed id may be a string that the database rejects (a null character, say).
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
            elif reason := refusal_reason(action, _state(row, job_id in by_admins)):
                refused[job_id] = InvalidRequest(reason)
            elif capacity <= 0:
                refused[job_id] = InvalidRequest(FULL)
            else:
                capacity -= 1
        return refused

    async def _cancelled_by_admins(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Return those of the jobs that an admin cancelled and nobody has restored since."""
        if not job_ids:
            return frozenset()
        last = await self._audit.last_actions(job_ids, ("cancel", "restore"))
        return frozenset(subject for subject, action in last.items() if action == "cancel")

    async def _capacity(self) -> int:
        """Return how many more jobs the queue has capacity for."""
        return self._queue_limit - int(await Job.count().where(IS_ACTIVE))

    # Each of these changes jobs whose state was checked in the same transaction.

    async def _stop(self, rows: Sequence[Row], now_ms: int) -> None:
        await self._endings.stop(rows, now_ms, by_admin=True)

    async def _put_back(self, rows: Sequence[Row], now_ms: int) -> None:
        """Put jobs back at their old positions. The time out of the queue does not count as waiting.

        A paid skip was refunded when the job ended; it now counts as a free move.
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


def _state(row: Row, was_cancelled_by_admin: bool) -> JobState:
    return JobState(
        row["status"],
        is_front=row["skipped_ms"] is not None,
        is_moved=bool(row["is_moved"]),
        was_cancelled_by_admin=was_cancelled_by_admin,
    )


async def _write(rows: Sequence[Row], values: dict[Column | str, Any]) -> None:
    job_ids = [row["job_id"] for row in rows]
    await Job.update(values).where(Job.job_id.is_in(any_of(job_ids)))
