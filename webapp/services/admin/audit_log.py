"""The audit log: a record of every admin action."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.library.fields import is_generation_id
from webapp.policy.queue.job_ids import is_job_id
from webapp.services.shared.queries import any_of
from webapp.services.shared.row_ids import MAX_ROW_ID
from webapp.tables import AdminAction, Job, LibraryItem

PAGE_SIZE: Final = 100
MAX_DETAIL_CHARACTERS: Final = 300
# Both databases limit the parameters of one statement.
ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action of an admin. `subject` is what it was applied to; empty for the queue as a whole.

    `name` is a job's prompt or a sound's title, and `owner` whose it is; both empty for what is gone.
    """

    entry_id: int
    at_ms: int
    author: str
    action: str
    subject: str
    detail: str
    name: str = ""
    owner: str = ""


class AuditLog:
    """Append-only, and written in the transaction of the action itself.

    The one exception is a new password, which is recorded afterwards: its hash would hold up the transaction.
    """

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(
        self, author: str, action: str, subjects: Iterable[str] = ("",), *, detail: str = ""
    ) -> None:
        """Record an action, one entry for each subject."""
        now_ms = self._clock.now_ms()
        rows = [
            AdminAction(
                at_ms=now_ms,
                author=author,
                action=action,
                subject=subject,
                detail=detail[:MAX_DETAIL_CHARACTERS],
            )
            for subject in subjects
        ]
        if not rows:
            return
        async with self._database.transaction():
            for first in range(0, len(rows), ROWS_AT_ONCE):
                await AdminAction.insert(*rows[first : first + ROWS_AT_ONCE])

    async def last_actions(self, subjects: Sequence[str], actions: Sequence[str]) -> dict[str, str]:
        """Return the last of these actions on each subject; subjects without one are left out."""
        rows = await (
            AdminAction.select(AdminAction.subject, AdminAction.action)
            .where(AdminAction.action.is_in(list(actions)) & AdminAction.subject.is_in(any_of(subjects)))
            .order_by(AdminAction.id)
        )
        return {row["subject"]: row["action"] for row in rows}

    async def entries(
        self,
        *,
        limit: int = PAGE_SIZE,
        before_id: int | None = None,
        subject: str = "",
        author: str = "",
        actions: Sequence[str] = (),
    ) -> list[AuditEntry]:
        """Return entries, newest first; `before_id` continues after a page's last one.

        Given `subject`, `author` or `actions`, only entries with them.
        """
        query = AdminAction.select(
            AdminAction.id.as_alias("entry_id"),
            AdminAction.at_ms,
            AdminAction.author,
            AdminAction.action,
            AdminAction.subject,
            AdminAction.detail,
        ).where(AdminAction.id < (MAX_ROW_ID if before_id is None else min(before_id, MAX_ROW_ID)))
        if subject:
            query = query.where(AdminAction.subject == subject)
        if author:
            query = query.where(AdminAction.author == author)
        if actions:
            query = query.where(AdminAction.action.is_in(list(actions)))
        rows = await query.order_by(AdminAction.id, ascending=False).limit(limit)
        names = await _names_of([row["subject"] for row in rows])
        return [AuditEntry(**row | names.get(row["subject"], {})) for row in rows]


async def _names_of(subjects: Sequence[str]) -> dict[str, dict[str, str]]:
    """Name the jobs and sounds among these subjects that are still there, and their owners."""
    jobs = [subject for subject in subjects if is_job_id(subject)]
    sounds = [subject for subject in subjects if is_generation_id(subject)]
    names: dict[str, dict[str, str]] = {}
    if jobs:
        rows = await Job.select(Job.job_id, Job.prompt, Job.account.username.as_alias("owner")).where(
            Job.job_id.is_in(any_of(jobs))
        )
        names |= {row["job_id"]: {"name": row["prompt"], "owner": row["owner"]} for row in rows}
    if sounds:
        item = LibraryItem
        rows = await item.select(
            item.sound.as_alias("sound_id"), item.title, item.prompt, item.account.username.as_alias("owner")
        ).where(item.sound.is_in(any_of(sounds)))
        names |= {
            row["sound_id"]: {"name": row["title"] or row["prompt"], "owner": row["owner"]} for row in rows
        }
    return names
