"""The one lock behind every change of the queue.

Each transition is one transaction that begins by taking the row of `queue_state`. So transitions
happen one after the other, limits that span rows hold exactly whatever arrives at once, and no two
transactions can wait for each other. The row's version numbers the changes: readers compare it to
know whether what they hold is still true.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webapp.database import Database


@dataclass(frozen=True, slots=True)
class QueueTransition:
    """The queue's row as it is during one transition."""

    version: int
    next_sequence: int
    is_paused: bool


@asynccontextmanager
async def queue_transition(
    database: Database, *, durable: bool = True, visible: bool = True
) -> AsyncIterator[QueueTransition]:
    """A transaction in which nobody else changes the queue.

    `durable=False`: power loss may undo it. `visible=False`: nothing that readers see will change,
    so the version stays.
    """
    async with database.transaction(durable=durable):
        if visible:
            rows = await database.fetch(
                "UPDATE queue_state SET version = version + 1 WHERE id = 1"
                " RETURNING version, next_sequence, is_paused"
            )
        else:
            # SQLite's transaction is the lock itself.
            lock = " FOR UPDATE" if database.dialect == "postgres" else ""
            rows = await database.fetch(
                f"SELECT version, next_sequence, is_paused FROM queue_state WHERE id = 1{lock}"
            )
        yield QueueTransition(**rows[0])
