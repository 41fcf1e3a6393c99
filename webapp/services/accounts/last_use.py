"""The times at which tokens and sessions were last used, recorded without delaying or failing a request.

A recorded use counts at once in this process. It is written to the database in the background, together with
others. While writing fails, as on a full disk, it keeps counting here and is written later.
"""

import asyncio
import contextvars
import logging
from collections.abc import Mapping
from typing import Final, Literal

from piccolo.columns import Column

from webapp.clock import Clock
from webapp.database import Database
from webapp.database.patience import Outage
from webapp.policy.moments import SKEW_MS, is_due
from webapp.tables import ApiToken, WebSession

logger = logging.getLogger(__name__)

# The delay after a failed write, and the most uses that may be pending.
RETRY_MS: Final = 5_000
MAX_PENDING: Final = 50_000

Kind = Literal["api_token", "web_session"]


class LastUse:
    """Records uses of one kind of secret, at most every `every_ms`.

    A use extends the secret's life by `lifetime_ms`, if that is given.
    """

    def __init__(
        self, database: Database, clock: Clock, kind: Kind, *, every_ms: int, lifetime_ms: int | None = None
    ) -> None:
        self._database = database
        self._clock = clock
        self._kind: Kind = kind
        self._every_ms = every_ms
        self._lifetime_ms = lifetime_ms
        self._pending: dict[int, int] = {}
        # The newest batch: a row that was read before it was committed may be looked at after it.
        self._written: Mapping[int, int] = {}
        self._writing: asyncio.Task[None] | None = None
        self._not_before_ms = 0
        self._outage = Outage(logger, f"the note of last use ({kind})")

    def pending_ms(self, row_id: int) -> int | None:
        """Return when it was last used, if that may not be in a row read before now."""
        return self._pending.get(row_id, self._written.get(row_id))

    def latest(self, row_id: int, written_ms: int | None) -> int | None:
        """Return when it was last used, given the time in the database."""
        pending_ms = self.pending_ms(row_id)
        if pending_ms is None or written_ms is None:
            return written_ms if pending_ms is None else pending_ms
        return max(pending_ms, written_ms)

    def record(self, row_id: int, written_ms: int | None) -> bool:
        """Record a use unless there was one a moment ago; return whether it was recorded."""
        now_ms = self._clock.now_ms()
        last_ms = self._pending.get(row_id, written_ms)
        must_record = is_due(last_ms, now_ms, self._every_ms)
        if must_record and len(self._pending) < MAX_PENDING:
            self._pending[row_id] = now_ms
        if (
            self._pending
            and now_ms >= self._not_before_ms
            and (self._writing is None or self._writing.done())
        ):
            # In a context of its own: the caller may be inside a transaction.
            self._writing = asyncio.create_task(self._write(), context=contextvars.Context())
        return must_record

    async def _write(self) -> None:
        while self._pending:
            uses = dict(self._pending)
            self._not_before_ms = self._clock.now_ms() + RETRY_MS
            has_written = False
            with self._outage:
                await self._write_all(uses)
                has_written = True
            if not has_written:
                return
            self._not_before_ms = 0
            self._written = uses
            for row_id, used_ms in uses.items():
                if self._pending.get(row_id) == used_ms:
                    del self._pending[row_id]

    async def _write_all(self, uses: Mapping[int, int]) -> None:
        write = self._write_token if self._kind == "api_token" else self._write_session
        async with self._database.transaction(durable=False):
            # In a fixed order, so that two processes cannot deadlock.
            for row_id, used_ms in sorted(uses.items()):
                await write(row_id, used_ms)

    # A later use that another process recorded stays, unless the clock has been set back since.

    async def _write_token(self, token_id: int, used_ms: int) -> None:
        column = ApiToken.last_used_ms
        is_older = column.is_null() | (column < used_ms) | (column > used_ms + SKEW_MS)
        await ApiToken.update({column: used_ms}).where((ApiToken.id == token_id) & is_older)

    async def _write_session(self, session_id: int, used_ms: int) -> None:
        column = WebSession.last_seen_ms
        values: dict[Column | str, int] = {column: used_ms}
        if self._lifetime_ms is not None:
            values[WebSession.expires_ms] = used_ms + self._lifetime_ms
        is_older = (column < used_ms) | (column > used_ms + SKEW_MS)
        await WebSession.update(values).where((WebSession.id == session_id) & is_older)
