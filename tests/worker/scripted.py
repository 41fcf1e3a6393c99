"""Engines that do what a test wants, and a worker that runs them over real services."""

import asyncio
import errno
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import numpy as np
import pytest

from tests.factories import choice
from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    DeviceLost,
    Engine,
    EngineInfo,
    EngineOutOfMemory,
    GenerationCancelled,
    GenerationRequest,
    GenerationTask,
    TaskSource,
)
from webapp.engines.batch import run_task
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.views import JobView
from webapp.services.workers.metrics import WorkerMetrics
from webapp.worker.engine_set import EngineSet
from webapp.worker.engine_thread import EngineThread
from webapp.worker.loop import Processor, WorkerProcess
from webapp.worker.making import MakingOptions, SoundMaker
from webapp.worker.model_keeper import ModelKeeper
from webapp.worker.worker_report import WorkerReport

WORKER = "a" * 12
RATE = 16_000

Behaviour = Callable[[GenerationRequest, CancelToken], Waveform]


class ScriptedEngine:
    """Plays one behaviour after the other; the last one stays."""

    name = "scripted"
    models = ("music", "audio", "magnet")

    def __init__(self, *behaviours: Behaviour) -> None:
        self._behaviours = list(behaviours)
        self.seeds: list[int] = []

    def info(self, model: str) -> EngineInfo:
        return EngineInfo("scripted", "scripted", model, 180, RATE, 1, "", 1, needs_load=False)

    def load(self, model: str) -> None: ...

    def unload(self, model: str) -> None: ...

    def serve(self, model: str, source: TaskSource) -> None:
        while tasks := source.take(1):
            for task in tasks:
                run_task(task, self._play)

    def _play(self, task: GenerationTask) -> Waveform:
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        self.seeds.append(task.request.seed)
        task.progressed(0.5)
        waveform = behaviour(task.request, task.cancel)
        task.progressed(1.0)
        return waveform


def hum(request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    times = np.arange(int(request.duration_s * RATE)) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 220 * times) + 0.1 * np.sin(2 * np.pi * 1760 * times)
    return Waveform(tone[np.newaxis].astype(np.float32), RATE)


def silence(request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    return Waveform(np.zeros((1, int(request.duration_s * RATE)), np.float32), RATE)


def no_memory(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise EngineOutOfMemory


def no_space(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise OSError(errno.ENOSPC, "No space left on device")


def read_only(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise OSError(errno.EROFS, "Read-only file system")


def times_out(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise TimeoutError


def loses_its_device(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise DeviceLost("CUDA error: an illegal memory access was encountered")


def cancels_itself(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise GenerationCancelled


def bug(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise ValueError("secret inner text")


class Gate:
    """A behaviour that starts, says so, and goes on when it is told to or cancelled."""

    def __init__(self, *, heeds_cancel: bool = True) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()
        self._heeds_cancel = heeds_cancel

    def __call__(self, request: GenerationRequest, cancel: CancelToken) -> Waveform:
        self.started.set()
        while not self.go_on.wait(0.005):
            if self._heeds_cancel:
                cancel.raise_if_cancelled()
        return hum(request, cancel)

    async def wait_started(self) -> None:
        assert await asyncio.to_thread(self.started.wait, 60)


@asynccontextmanager
async def working(
    services: Services,
    engine: Engine | None = None,
    end_process: Callable[[], object] | None = None,
    *,
    engines: EngineSet | None = None,
    look_s: float | None = None,
    now_s: Callable[[], float] = time.monotonic,
    metrics: WorkerMetrics | None = None,
) -> AsyncIterator[Processor]:
    """A worker that runs while the block does, and is asked to stop at its end.

    It has one engine for all models, or several. With `look_s` its models are looked after, as often as that.
    """
    engines = engines or _of_one(engine)
    metrics = metrics or WorkerMetrics()
    engines.loaded = metrics.loaded
    finishing = ThreadPoolExecutor(1)
    thread = EngineThread(engines.serve)
    maker = _maker(services, engines, thread, finishing, metrics)
    worker = WorkerProcess(WORKER, "here", 1, "cpu")
    processor = Processor(
        services,
        maker,
        worker,
        metrics=metrics,
        report=engines.report,
        places=engines.places,
        end_process=end_process or pytest.fail,
        now_s=now_s,
    )
    _give_up_when_lost(thread, processor)
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    running = asyncio.create_task(processor.run())
    keeping = asyncio.create_task(_keep(services, engines, thread, processor, look_s)) if look_s else None
    try:
        yield processor
    finally:
        if keeping:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        processor.stop()
        async with asyncio.timeout(60):
            await running
        thread.close()
        finishing.shutdown(wait=False)


def _maker(
    services: Services,
    engines: EngineSet,
    thread: EngineThread,
    finishing: ThreadPoolExecutor,
    metrics: WorkerMetrics,
) -> SoundMaker:
    settings = services.settings
    return SoundMaker(
        thread,
        engines,
        services.ids,
        finishing,
        metrics=metrics,
        options=MakingOptions(settings.low_quality_below, settings.target_lufs),
    )


def _of_one(engine: Engine | None) -> EngineSet:
    """An engine that makes everything it can."""
    assert engine is not None
    return EngineSet(dict.fromkeys(engine.models, engine))


def _give_up_when_lost(thread: EngineThread, processor: Processor) -> None:
    loop = asyncio.get_running_loop()
    thread.lost = lambda: asyncio.run_coroutine_threadsafe(processor.give_up(), loop)


async def _keep(
    services: Services, engines: EngineSet, thread: EngineThread, processor: Processor, look_s: float
) -> None:
    keeper = ModelKeeper(
        services,
        engines,
        thread,
        report=WorkerReport(engines),
        say=processor.say,
        give_up=processor.give_up,
        look_s=look_s,
    )
    await keeper.run()


async def ended(services: Services, identity: Identity, job_id: str) -> JobView:
    with services.bus.subscribe() as hints:
        async with asyncio.timeout(60):
            while not (job := await services.queue.jobs.get(identity, job_id)).has_ended:
                await hints.wait(1)
    return job


async def submit(services: Services, identity: Identity, seed: int | None = None) -> str:
    return (await services.queue.submissions.submit(identity, choice(duration_s=2, seed=seed))).job_id
