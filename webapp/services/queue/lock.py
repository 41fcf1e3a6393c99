"""The queue lock, which every change of the queue takes.

Each transition is one transaction that begins by locking the row of `queue_state`. So transitions
are serialised, limits that span rows hold exactly under concurrent requests, and deadlocks cannot
happen. The row's version numbers the changes: readers compare it to decide whether their copy is current.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from webapp.database import Database
from webapp.services.queue import queries


@dataclass(frozen=True, slots=True)
class QueueTransition:
    """The row of `queue_state` during one transition."""

    version: int
    next_sequence: int
    is_paused: bool


@asynccontextmanager
async def queue_transition(
    database: Database, *, durable: bool = True, visible: bool = True
) -> AsyncIterator[QueueTransition]:
    """Open a transaction in which nobody else changes the queue.

    `durable=False`: power loss may undo it. `visible=False`: nothing changes that readers see, so the
    version stays the same.
    """
    async with database.transaction(durable=durable):
        yield QueueTransition(**await queries.lock_row(database, visible=visible))
