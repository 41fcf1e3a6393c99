"""When tokens and sessions were last used: noted beside the requests, which never wait for it nor fail of it.

What is noted counts at once in this process, and is written to the database together with whatever else there
is. While writing fails, as on a full disk, it goes on counting here and is written later.
"""

import asyncio
import contextvars
import logging
from collections.abc import Mapping
from typing import Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import Outage
from webapp.policy.moments import SKEW_MS, is_due

logger = logging.getLogger(__name__)

# After a failure, and most notes that wait for a better time.
RETRY_MS: Final = 5_000
MAX_WAITING: Final = 50_000

Kind = Literal["api_token", "web_session"]

_WRITE: Final[Mapping[Kind, str]] = {
    "api_token": "UPDATE api_token SET last_used_ms = {} WHERE id = {}"
    " AND COALESCE(last_used_ms, 0) NOT BETWEEN {} AND {}",
    "web_session": "UPDATE web_session SET last_seen_ms = {}, expires_ms = {}"
    " WHERE id = {} AND last_seen_ms NOT BETWEEN {} AND {}",
}


class LastUse:
    """Notes uses of one kind of secret, at most every `every_ms`.

    `lifetime_ms` is how long a use keeps the secret alive, if it does.
    """

    def __init__(
        self, database: Database, clock: Clock, kind: Kind, *, every_ms: int, lifetime_ms: int | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._kind: Kind = kind
        self._every_ms = every_ms
        self._lifetime_ms = lifetime_ms
        self._waiting: dict[int, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._not_before_ms = 0
        self._outage = Outage(logger, f"the note of last use ({kind})")

    def noted_ms(self, row_id: int) -> int | None:
        """When it was last used, if that is not in the database yet."""
        return self._waiting.get(row_id)

    def latest(self, row_id: int, written_ms: int | None) -> int | None:
        """When it was last used, given what the database says."""
        noted_ms = self._waiting.get(row_id)
        if noted_ms is None or written_ms is None:
            return written_ms if noted_ms is None else noted_ms
        return max(noted_ms, written_ms)

    def note(self, row_id: int, written_ms: int | None) -> bool:
        """Note that it is being used, unless that was done a moment ago; whether it was noted."""
        now_ms = self._clock.now_ms()
        last_ms = self._waiting.get(row_id, written_ms)
        must_note = is_due(last_ms, now_ms, self._every_ms)
        if must_note and len(self._waiting) < MAX_WAITING:
            self._waiting[row_id] = now_ms
        if (
            self._waiting
            and now_ms >= self._not_before_ms
            and (self._writing is None or self._writing.done())
        ):
            # A context of its own: whoever notes may be inside a transaction.
            self._writing = asyncio.create_task(self._write(), context=contextvars.Context())
        return must_note

    async def _write(self) -> None:
        while self._waiting:
            notes = dict(self._waiting)
            self._not_before_ms = self._clock.now_ms() + RETRY_MS
            has_written = False
            with self._outage:
                await self._write_all(notes)
                has_written = True
            if not has_written:
                return
            self._not_before_ms = 0
            for row_id, noted_ms in notes.items():
                if self._waiting.get(row_id) == noted_ms:
                    del self._waiting[row_id]

    async def _write_all(self, notes: Mapping[int, int]) -> None:
        async with self._database.transaction(durable=False):
            # In one order, so that two processes do not wait for each other.
            for row_id, noted_ms in sorted(notes.items()):
                ends = () if self._lifetime_ms is None else (noted_ms + self._lifetime_ms,)
                # What another process noted later stays, unless the clock was set back since.
                later = (noted_ms, noted_ms + SKEW_MS)
                await self._database.fetch(_WRITE[self._kind], noted_ms, *ends, row_id, *later)
