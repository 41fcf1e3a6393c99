"""The one lock behind every change of the queue.

Each transition is one transaction that begins by locking the row of `queue_state`. So transitions
happen one after the other, limits that span rows hold exactly whatever arrives at once, and no two
transactions can wait for each other. The row's version numbers the changes: readers compare it to
know whether what they hold is still true.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webapp.database import Database
from webapp.services.queue import queries


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
    """Open a transaction in which nobody else changes the queue.

    `durable=False`: power loss may undo it. `visible=False`: nothing that readers see will change,
    so the version stays.
    """
    async with database.transaction(durable=durable):
        yield QueueTransition(**await queries.lock_row(database, visible=visible))
