"""`soundloom worker`: one worker process, from start to stop."""

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor

import msgspec

from webapp import tracing
from webapp.audio.export import warm_up
from webapp.database.patience import PASSING, until_there
from webapp.engines.manager import Loaded
from webapp.logs import configure_logging, leave_out_injected
from webapp.policy.generation import MODELS
from webapp.services.container import Services, open_services
from webapp.services.models.weights_register import WeightsRegister
from webapp.services.opening import FOR_EVER
from webapp.services.workers.metrics import WorkerMetrics
from webapp.services.workers.metrics_reporter import report_metrics
from webapp.settings import Settings, check_device
from webapp.stopping import StopRequests, run_process
from webapp.worker.engine_set import EngineSet
from webapp.worker.engine_thread import EngineThread
from webapp.worker.gpu import count_devices_like_nvml
from webapp.worker.loop import Processor, WorkerProcess
from webapp.worker.making import MakingOptions, SoundMaker
from webapp.worker.model_keeper import ModelKeeper
from webapp.worker.weights_keeper import WeightsKeeper
from webapp.worker.worker_report import WorkerReport

logger = logging.getLogger(__name__)


def run(
    settings: Settings,
    *,
    exit_with_parent: bool = False,
    device: str | None = None,
    worker_id: str | None = None,
    models: Collection[str] = MODELS,
) -> int:
    """Work until SIGTERM or SIGINT; does not return once there was work that may still have its thread.

    It takes only jobs for `models`.

    With `exit_with_parent`, standard input is a pipe from the process that started this one, and its
    end means that the parent is gone. Raises SettingsError and DatabaseUnusable.
    """
    configure_logging(settings)
    leave_out_injected(os.environ)
    tracing.configure(os.environ, "worker")
    check_device(device or settings.device)
    settings = msgspec.structs.replace(settings, device=device or settings.device)
    run_process(_run(settings, models, exit_with_parent, worker_id), "worker failed")


async def _run(
    settings: Settings, models: Collection[str], exit_with_parent: bool, worker_id: str | None
) -> None:
    count_devices_like_nvml()
    engines = EngineSet.from_settings(settings, models)
    stop_requests = StopRequests(exit_with_parent=exit_with_parent)
    async with open_services(settings, wait_s=FOR_EVER) as services:
        worker = WorkerProcess(
            worker_id=worker_id or services.ids.job_id(),
            host=socket.gethostname(),
            pid=os.getpid(),
            device=engines.device,
        )
        await until_there(
            lambda: services.workers.registry.join(
                worker.worker_id, host=worker.host, pid=worker.pid, device=worker.device
            )
        )
        try:
            await _process(services, engines, worker, stop_requests)
        finally:
            # Otherwise a server takes it off the list, once it has been silent.
            with contextlib.suppress(*PASSING):
                await services.workers.registry.remove(worker.worker_id)


def loaded_by(metrics: WorkerMetrics, trace: Callable[[str, float], object]) -> Loaded:
    """Return what is called, on the engine's thread, after each load of a model."""

    def loaded(model: str, seconds: float, *, is_ready: bool) -> None:
        metrics.loaded(model, seconds, is_ready=is_ready)
        if tracing.is_on():
            trace(model, seconds)

    return loaded


async def _process(
    services: Services, engines: EngineSet, worker: WorkerProcess, stop_requests: StopRequests
) -> None:
    settings = services.settings
    engine, metrics = EngineThread(engines.serve), WorkerMetrics()
    maker = SoundMaker(
        engine,
        engines,
        services.ids,
        ThreadPoolExecutor(1, thread_name_prefix="finishing"),
        metrics=metrics,
        options=MakingOptions(settings.low_quality_below, settings.target_lufs, settings.mark_prompts),
    )
    report = WorkerReport(engines)
    processor = Processor(services, maker, worker, metrics=metrics, report=report, places=engines.places)
    keeper = ModelKeeper(
        services, engines, engine, report=report, say=processor.say, give_up=processor.give_up
    )
    loop = asyncio.get_running_loop()
    engines.loaded = loaded_by(metrics, lambda *load: loop.call_soon_threadsafe(processor.trace_load, *load))
    engine.lost = lambda: asyncio.run_coroutine_threadsafe(processor.give_up(), loop)
    stop_requests.from_now_on(processor.stop)
    await services.storage.sweep_staging()
    await asyncio.to_thread(warm_up)
    logger.info("worker ready", extra={"worker": worker.worker_id})
    register = WeightsRegister(
        services.database, services.clock, services.bus, host=worker.host, path=str(settings.models_path)
    )
    weights_keeper = WeightsKeeper(register, settings.models_path, services.bus)
    reporting = report_metrics(services.workers.metrics, worker.worker_id, metrics)
    keeping = [asyncio.create_task(work) for work in (keeper.run(), weights_keeper.run(), reporting)]
    try:
        await processor.run()
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.gather(*keeping, return_exceptions=True)
    logger.info("worker stopped", extra={"worker": worker.worker_id})
    await asyncio.to_thread(tracing.close)
