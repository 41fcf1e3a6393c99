"""Wishes of operators: draining a worker; loading, unloading or pinning a model in all workers.

A wish is a row, so that it reaches workers on any host and is not lost with a hint; workers read it when a
hint arrives, and periodically.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from piccolo.columns import Column
from piccolo.querystring import QueryString

from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, Event
from webapp.policy.generation import MODELS
from webapp.services.queue.lock import queue_transition
from webapp.tables import ModelWish, Worker

WishAction = Literal["load", "unload", "pin", "unpin"]

# The column is qualified, because for PostgreSQL an unqualified one is ambiguous (old or new row).
_NEXT_NUMBER: Final = (ModelWish.number, QueryString("{} + 1", ModelWish.number))
_Values: TypeAlias = list[Column | tuple[Column, Any]]
# For each action: the action to record, whether the model is pinned, and what changes in an existing row.
_CHANGES: Final[dict[WishAction, tuple[str, bool, _Values]]] = {
    "load": ("load", False, [ModelWish.action, _NEXT_NUMBER]),
    "unload": ("unload", False, [ModelWish.action, _NEXT_NUMBER]),
    # A pin also loads the model: only a loaded one can stay loaded.
    "pin": ("load", True, [ModelWish.action, _NEXT_NUMBER, ModelWish.is_pinned]),
    "unpin": ("", False, [ModelWish.is_pinned]),
}


@dataclass(frozen=True, slots=True)
class ModelWishView:
    """The wish for one model, which every worker fulfils.

    `action` is the latest of load and unload (empty for none). `number` increases with each: a worker carries
    out each once, and none from before its start. `is_pinned` holds until it is withdrawn.
    """

    model: str
    action: Literal["", "load", "unload"]
    number: int
    is_pinned: bool


class WorkerControl:
    """Records operators' wishes, and reads them for workers."""

    def __init__(self, database: Database, bus: Bus) -> None:
        self._database = database
        self._bus = bus

    async def drain(self, worker_id: str, *, is_draining: bool) -> None:
        """Let a worker finish its jobs and take no more, or let it take jobs again.

        Once this has returned, the worker claims nothing. The setting lasts as long as the worker's process.
        Raises NotFound.
        """
        async with queue_transition(self._database):
            rows = await (
                Worker.update({Worker.is_draining: is_draining})
                .where(Worker.worker_id == worker_id)
                .returning(Worker.worker_id)
            )
            if not rows:
                raise NotFound("Worker not found")
        self._bus.publish(Event("queue"), Event("status"))

    async def wish(self, model: str, action: WishAction) -> None:
        """Ask every worker to load or unload a model now, or to pin or unpin it.

        Workers do so between jobs. The next job that needs an unloaded model loads it again; every worker
        loads pinned models when it starts. Raises NotFound for an unknown model.
        """
        if model not in MODELS:
            raise NotFound("Model not found")
        recorded, is_pinned, changes = _CHANGES[action]
        row = ModelWish(model=model, action=recorded, number=1, is_pinned=is_pinned)
        async with self._database.transaction():
            await ModelWish.insert(row).on_conflict(
                target=ModelWish.model, action="DO UPDATE", values=changes
            )
        self._bus.publish(Event("control"), Event("status"))

    async def wishes(self) -> tuple[ModelWishView, ...]:
        """Return the wishes, one for each model that ever had one."""
        rows = await (
            ModelWish.select(ModelWish.model, ModelWish.action, ModelWish.number, ModelWish.is_pinned)
            .order_by(ModelWish.model)
        )  # fmt: skip
        return tuple(ModelWishView(**{**row, "is_pinned": bool(row["is_pinned"])}) for row in rows)
