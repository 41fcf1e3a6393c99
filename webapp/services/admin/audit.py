"""The audit log: a record of every admin action."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.services.admin.queries import any_of
from webapp.services.shared.row_ids import MAX_ROW_ID
from webapp.tables import AdminAction

PAGE_SIZE: Final = 100
MAX_DETAIL_CHARACTERS: Final = 300
# Both databases limit the parameters of one statement.
ROWS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One action of an admin. `subject` is what it was applied to; empty for the queue as a whole."""

    entry_id: int
    at_ms: int
    author: str
    action: str
    subject: str
    detail: str


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
        self, *, limit: int = PAGE_SIZE, before_id: int | None = None, subject: str | None = None
    ) -> list[AuditEntry]:
        """Return entries, newest first; `before_id` continues after a page's last one."""
        query = AdminAction.select(
            AdminAction.id.as_alias("entry_id"),
            AdminAction.at_ms,
            AdminAction.author,
            AdminAction.action,
            AdminAction.subject,
            AdminAction.detail,
        ).where(AdminAction.id < (MAX_ROW_ID if before_id is None else min(before_id, MAX_ROW_ID)))
        if subject is not None:
            query = query.where(AdminAction.subject == subject)
        rows = await query.order_by(AdminAction.id, ascending=False).limit(limit)
        return [AuditEntry(**row) for row in rows]
