"""Who did what when: the record of admins' actions."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.services.shared.row_ids import MAX_ROW_ID

PAGE_SIZE: Final = 100
MAX_DETAIL_CHARACTERS: Final = 300


@dataclass(frozen=True, slots=True)
class AuditLine:
    """One thing that an admin did. `subject` is what it was done to, empty for the queue as a whole."""

    line_id: int
    at_ms: int
    author: str
    action: str
    subject: str
    detail: str


class AuditLog:
    """Only grows, and is written in the transaction of what it tells of; after it only for a new password,
    whose hashing would hold the transaction up."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def record(
        self, author: str, action: str, subjects: Iterable[str] = ("",), *, detail: str = ""
    ) -> None:
        """Note an action, one line for each subject."""
        now_ms = self._clock.now_ms()
        rows = [(now_ms, author, action, subject, detail[:MAX_DETAIL_CHARACTERS]) for subject in subjects]
        if not rows:
            return
        async with self._database.transaction():
            await self._database.execute_many(
                "INSERT INTO admin_action (at_ms, author, action, subject, detail)"
                " VALUES ({}, {}, {}, {}, {})",
                rows,
            )

    async def lines(
        self, *, limit: int = PAGE_SIZE, before_id: int | None = None, subject: str | None = None
    ) -> list[AuditLine]:
        """Newest first; `before_id` continues after a page's last line."""
        about = "" if subject is None else " AND subject = {}"
        rows = await self._database.fetch(
            "SELECT id AS line_id, at_ms, author, action, subject, detail FROM admin_action"
            f" WHERE id < {{}}{about} ORDER BY id DESC LIMIT {{}}",
            MAX_ROW_ID if before_id is None else min(before_id, MAX_ROW_ID),
            *(() if subject is None else (subject,)),
            limit,
        )
        return [AuditLine(**row) for row in rows]
