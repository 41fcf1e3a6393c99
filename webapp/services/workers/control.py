"""What operators ask of workers: to take no more jobs, to load, unload or keep a model.

A request is a row, so that it reaches workers on any host and is not lost with a hint; workers look
when they are told to, and now and then by themselves.
"""

from dataclasses import dataclass
from typing import Final, Literal

from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, Event
from webapp.policy.generation import MODELS
from webapp.services.queue.lock import queue_transition

WishAction = Literal["load", "unload", "pin", "unpin"]

_ADD: Final = "INSERT INTO model_wish (model, action, number, is_pinned) VALUES ({}, {}, 1, {})"
_ASK: Final = (
    f"{_ADD} ON CONFLICT (model) DO UPDATE SET action = excluded.action, number = model_wish.number + 1"
)
_STATEMENTS: Final[dict[WishAction, tuple[str, str, bool]]] = {
    "load": (_ASK, "load", False),
    "unload": (_ASK, "unload", False),
    # To keep a model it has to be there.
    "pin": (f"{_ASK}, is_pinned = excluded.is_pinned", "load", True),
    "unpin": (f"{_ADD} ON CONFLICT (model) DO UPDATE SET is_pinned = excluded.is_pinned", "", False),
}


@dataclass(frozen=True, slots=True)
class ModelWish:
    """What is asked of every worker for one model.

    `action` is the newest of load and unload (empty for none), `number` tells it from earlier ones: a
    worker does each once, and none that is older than itself. `is_pinned` holds until it is taken back.
    """

    model: str
    action: Literal["", "load", "unload"]
    number: int
    is_pinned: bool


class WorkerControl:
    """Records what operators ask of workers, and tells workers what is asked."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def drain(self, worker_id: str, *, is_draining: bool) -> None:
        """Let a worker finish what it has and take no more jobs, or take jobs again.

        Once this has returned, the worker claims nothing. It lasts as long as its process. Raises NotFound.
        """
        async with queue_transition(self._database):
            rows = await self._database.fetch(
                "UPDATE worker SET is_draining = {} WHERE worker_id = {} RETURNING worker_id",
                is_draining,
                worker_id,
            )
            if not rows:
                raise NotFound("Worker not found")
        self._bus.publish(Event("queue"), Event("status"))

    async def wish(self, model: str, action: WishAction) -> None:
        """Ask every worker to load or unload a model now, or to keep it loaded from now on, or no longer.

        Workers do it between jobs. An unloaded model is loaded again by the next job that needs it, and a
        pinned one by every worker that starts. Raises NotFound for a model that the service does not have.
        """
        if model not in MODELS:
            raise NotFound("Model not found")
        statement, recorded, is_pinned = _STATEMENTS[action]
        async with self._database.transaction():
            await self._database.fetch(statement, model, recorded, is_pinned)
        self._bus.publish(Event("control"), Event("status"))

    async def wishes(self) -> tuple[ModelWish, ...]:
        """What is asked for each model of which anything ever was."""
        rows = await self._database.fetch(
            "SELECT model, action, number, is_pinned FROM model_wish ORDER BY model"
        )
        return tuple(ModelWish(**{**row, "is_pinned": bool(row["is_pinned"])}) for row in rows)
