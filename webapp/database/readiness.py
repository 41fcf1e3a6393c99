"""Finds out within a bounded time whether the database answers."""

import asyncio
import contextvars
from typing import Final

from webapp.database.database import Database
from webapp.database.migrate import is_migrated
from webapp.errors import DatabaseAway

ANSWER_S: Final = 1.5


class Readiness:
    """Asks the database whether it is there, one question at a time.

    A question that gets no answer in time is left to itself: to end it would mean to wait for the database.
    """

    def __init__(self, database: Database, *, answer_s: float = ANSWER_S) -> None:
        self._database = database
        self._answer_s = answer_s
        self._asking: asyncio.Task[bool] | None = None

    async def require(self) -> None:
        """Return if the database answers and has the present schema.

        Raises DatabaseAway when it does not, or takes too long, and what else the database raises.
        """
        if self._asking is None or self._asking.done():
            # A context of its own: the question is nobody's request.
            self._asking = asyncio.create_task(is_migrated(self._database), context=contextvars.Context())
            # Nobody may be there any more when it fails.
            self._asking.add_done_callback(lambda done: done.cancelled() or done.exception())
        asking = self._asking
        await asyncio.wait((asking,), timeout=self._answer_s)
        if not asking.done():
            raise DatabaseAway("no answer in time")
        if not asking.result():
            raise DatabaseAway("the tables are not those of this version")
