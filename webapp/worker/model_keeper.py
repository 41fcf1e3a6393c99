"""Keeps a worker's models as operators, weights and time ask for, and what is reported of them true."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from webapp.database.patience import Outage
from webapp.engines.base import EngineError
from webapp.events import Event
from webapp.services.container import Services
from webapp.services.workers.control import ModelWishView
from webapp.worker.engine_set import EngineSet
from webapp.worker.worker_report import WorkerReport

logger = logging.getLogger(__name__)

T = TypeVar("T")

# How often is looked without a hint: for wishes, weights, what is idle, and the GPU's figures.
LOOK_S = 3.0
CONTROL = Event("control")


class Calls(Protocol):
    """The thread that models belong to."""

    async def call(self, act: Callable[[], T]) -> T:
        """Return or raise as `act` does on that thread, between two generations."""
        ...


class ModelKeeper:
    """Acts on wishes, follows weights, unloads what is idle, and notices a load that hangs."""

    def __init__(
        self,
        services: Services,
        engines: EngineSet,
        thread: Calls,
        *,
        report: WorkerReport,
        say: Callable[[], Awaitable[object]],
        give_up: Callable[[], Awaitable[object]],
        look_s: float = LOOK_S,
    ) -> None:
        """`say` records the report; `give_up` puts the worker's jobs back and ends the process."""
        self._services = services
        self._engines = engines
        self._thread = thread
        self._say = say
        self._give_up = give_up
        self._look_s = look_s
        self._report = report
        self._done: dict[str, int] = {}
        self._changed = asyncio.Event()
        self._looking = Outage(logger, "the look after the models")
        loop = asyncio.get_running_loop()
        engines.changed = lambda: loop.call_soon_threadsafe(self._changed.set)

    async def run(self) -> None:
        """Keep until cancelled. Wishes older than this are not for this worker, but for pins."""
        pinned = await self._first_look()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep(pinned))
            tasks.create_task(self._watch())

    async def _first_look(self) -> list[str]:
        """Note what was asked before; the models that are to be kept."""
        while True:
            with self._looking:
                wishes = await self._services.workers.control.wishes()
                self._done = {wish.model: wish.number for wish in wishes}
                return [wish.model for wish in wishes if wish.is_pinned]
            await asyncio.sleep(self._look_s)

    async def _keep(self, pinned: list[str]) -> None:
        """Do what is asked, one thing after the other, between generations."""
        with self._services.bus.subscribe() as hints:
            while True:
                with self._looking:
                    await self._act_on_wishes(pinned)
                    pinned = []
                    await self._follow_weights()
                    # Nobody can join a generation while a call waits for it to end.
                    if self._engines.has_idle():
                        await self._thread.call(self._engines.unload_idle)
                deadline = asyncio.get_running_loop().time() + self._look_s
                while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
                    if CONTROL in await hints.wait(left_s):
                        break

    async def _act_on_wishes(self, to_load: list[str]) -> None:
        for wish in await self._services.workers.control.wishes():
            status = self._engines.status().get(wish.model)
            if status is None:
                continue
            if status.is_pinned != wish.is_pinned:
                self._engines.pin(wish.model, is_pinned=wish.is_pinned)
            if wish.number > self._done.get(wish.model, 0):
                self._done[wish.model] = wish.number
                await self._act_on(wish)
            elif wish.model in to_load:
                await self._load(wish.model)

    async def _act_on(self, wish: ModelWishView) -> None:
        logger.info("model wished for", extra={"model": wish.model, "action": wish.action})
        if wish.action == "load":
            await self._load(wish.model)
        elif wish.action == "unload":
            await self._thread.call(lambda: self._engines.unload(wish.model))

    async def _load(self, model: str) -> None:
        try:
            await self._thread.call(lambda: self._engines.load(model))
        except EngineError as error:
            # The model's state tells it too.
            logger.warning("model could not be loaded", extra={"model": model, "reason": str(error)})

    async def _follow_weights(self) -> None:
        if await asyncio.to_thread(self._engines.has_other_weights):
            await self._thread.call(self._engines.rescan)

    async def _watch(self) -> None:
        """Report what changed as it changes, the GPU's figures now and then, and notice what hangs."""
        said: dict[str, Any] | None = None
        while True:
            self._changed.clear()
            try:
                await asyncio.to_thread(self._report.read_gpu)
                report = self._report()
                if report != said:
                    await self._say()
                    said = report
                await self._end_if_loading_hangs()
                async with asyncio.timeout(self._look_s):
                    await self._changed.wait()
            except TimeoutError:
                continue
            except Exception:
                logger.exception("could not report the models")
                await asyncio.sleep(self._look_s)

    async def _end_if_loading_hangs(self) -> None:
        for model, seconds in self._engines.loading_for_s().items():
            if seconds > self._services.settings.stall_s:
                logger.error("loading a model stands still; the worker gives up", extra={"model": model})
                await self._give_up()
