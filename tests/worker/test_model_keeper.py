"""A worker's models follow wishes, time and trouble, and what is reported of them follows the models."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from tests.worker.scripted import RATE, WORKER
from webapp.engines.base import EngineInfo, ModelLoadError, TaskSource
from webapp.engines.manager import Limits
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.worker.engine_set import EngineSet
from webapp.worker.engine_thread import EngineThread
from webapp.worker.model_keeper import ModelKeeper
from webapp.worker.worker_report import WorkerReport


@dataclass
class Loadable:
    """An engine whose models are loaded, can be broken, and can take for ever to load."""

    name: str = "loadable"
    models: tuple[str, ...] = ("music", "audio")
    loaded: list[str] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    may_load: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_load.set()

    def info(self, model: str) -> EngineInfo:
        return EngineInfo("loadable", "loadable", model, 180, RATE, 1, "", 1, needs_load=True)

    def load(self, model: str) -> None:
        self.may_load.wait(60)
        if model in self.broken:
            raise ModelLoadError(f"{model} is damaged")
        self.loaded.append(model)

    def unload(self, model: str) -> None:
        self.loaded.remove(model)

    def serve(self, model: str, source: TaskSource) -> None:
        pytest.fail("nothing was to be generated")


@dataclass
class Desk:
    """A worker that only keeps its models, and what it has told."""

    services: Services
    engine: Loadable
    seconds: list[float]
    given_up: asyncio.Event

    async def until(self, holds: Callable[[dict[str, dict[str, object]]], bool]) -> None:
        """Wait until what the worker told of its models is as it should be."""
        with self.services.bus.subscribe() as hints:
            async with asyncio.timeout(60):
                while True:
                    (worker,) = await self.services.workers.registry.alive()
                    if worker.report and holds(worker.report["models"]):
                        return
                    await hints.wait(0.1)

    async def until_state(self, model: str, state: str) -> None:
        await self.until(lambda models: models[model]["state"] == state)


@asynccontextmanager
async def keeping(services: Services, engine: Loadable, *, idle_s: float = 0) -> AsyncIterator[Desk]:
    seconds, given_up = [0.0], asyncio.Event()
    engines = EngineSet(
        dict.fromkeys(engine.models, engine), limits=Limits(idle_s=idle_s), now_s=lambda: seconds[0]
    )
    thread = EngineThread(engines.serve)
    report = WorkerReport(engines)
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")

    async def say() -> None:
        await services.workers.registry.record_report(WORKER, "idle", report())

    async def give_up() -> None:
        given_up.set()

    keeper = ModelKeeper(services, engines, thread, report=report, say=say, give_up=give_up, look_s=0.05)
    running = asyncio.create_task(keeper.run())
    desk = Desk(services, engine, seconds, given_up)
    try:
        await desk.until_state("magnet", "unavailable")
        yield desk
    finally:
        engine.may_load.set()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        thread.close()
        await services.workers.registry.remove(WORKER)


async def test_wishes_are_done_and_told(services: Services) -> None:
    async with keeping(services, Loadable()) as desk:
        await services.workers.control.wish("music", "load")
        await desk.until_state("music", "ready")
        assert desk.engine.loaded == ["music"]
        await services.workers.control.wish("music", "unload")
        await desk.until_state("music", "unloaded")
        assert desk.engine.loaded == []
        # The same wish again is another one.
        await services.workers.control.wish("music", "load")
        await desk.until_state("music", "ready")


async def test_what_is_pinned_is_loaded_by_every_worker_that_starts_and_stays(services: Services) -> None:
    await services.workers.control.wish("audio", "load")
    await services.workers.control.wish("music", "pin")
    async with keeping(services, Loadable(), idle_s=100) as desk:
        await desk.until_state("music", "ready")
        await services.workers.control.wish("audio", "load")
        await desk.until_state("audio", "ready")
        assert desk.engine.loaded == ["music", "audio"], "older wishes than the worker are not for it"
        desk.seconds[0] = 1000
        await desk.until_state("audio", "unloaded")
        assert desk.engine.loaded == ["music"]
        await services.workers.control.wish("music", "unpin")
        await desk.until_state("music", "unloaded")


async def test_a_wish_tries_a_broken_model_again_at_once(services: Services) -> None:
    engine = Loadable(broken={"music"})
    async with keeping(services, engine) as desk:
        await services.workers.control.wish("music", "load")
        await desk.until(lambda models: models["music"]["error"] == "music is damaged")
        await desk.until_state("music", "error")
        engine.broken.clear()
        await services.workers.control.wish("music", "load")
        await desk.until_state("music", "ready")
        await desk.until(lambda models: models["music"]["error"] == "")


class TestHangingLoad:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, stall_s=60)

    async def test_a_load_that_hangs_is_given_up(self, services: Services) -> None:
        engine = Loadable()
        engine.may_load.clear()
        async with keeping(services, engine) as desk:
            await services.workers.control.wish("music", "load")
            await desk.until_state("music", "loading")
            assert not desk.given_up.is_set()
            desk.seconds[0] = 61
            async with asyncio.timeout(60):
                await desk.given_up.wait()


async def test_wishes_for_what_nobody_serves_change_nothing(services: Services) -> None:
    await services.workers.control.wish("magnet", "pin")
    async with keeping(services, Loadable()) as desk:
        await services.workers.control.wish("magnet", "load")
        await services.workers.control.wish("music", "load")
        await desk.until_state("music", "ready")
        assert desk.engine.loaded == ["music"]
