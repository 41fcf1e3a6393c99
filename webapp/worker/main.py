"""`soundloom worker`: one worker process, from start to stop."""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable

from webapp.audio.export import warm_up
from webapp.logs import configure_logging
from webapp.services.container import Services, open_services
from webapp.settings import Settings
from webapp.worker.engine_set import EngineSet
from webapp.worker.processor import Processor
from webapp.worker.runner import Runner

logger = logging.getLogger(__name__)


def run(settings: Settings, *, exit_with_parent: bool = False, device: str | None = None) -> int:
    """Work until SIGTERM or SIGINT; returns the exit code.

    With `exit_with_parent`, standard input is a pipe from the process that started this one, and its
    end means that the parent is gone. Raises SettingsError.
    """
    configure_logging(settings)
    asyncio.run(_run(settings, exit_with_parent=exit_with_parent, device=device or settings.device))
    sys.stdout.flush()
    sys.stderr.flush()
    # A generation that cannot be interrupted still has its thread; everything worth keeping is written.
    os._exit(0)


async def _run(settings: Settings, *, exit_with_parent: bool, device: str) -> None:
    engines = EngineSet.from_settings(settings)
    async with open_services(settings) as services:
        worker_id = services.ids.job_id()
        await services.workers.register(
            worker_id,
            host=socket.gethostname(),
            pid=os.getpid(),
            device="cpu" if device == "auto" else device,
        )
        try:
            await _process(services, engines, worker_id, exit_with_parent=exit_with_parent)
        finally:
            await services.workers.remove(worker_id)


async def _process(services: Services, engines: EngineSet, worker_id: str, *, exit_with_parent: bool) -> None:
    runner = Runner(engines, services.ids, low_quality_below=services.settings.low_quality_below)
    processor = Processor(services, runner, worker_id, engines.report)
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signal_number, processor.stop)
    if exit_with_parent:
        _when_parent_is_gone(lambda: loop.call_soon_threadsafe(processor.stop))
    await asyncio.to_thread(warm_up)
    logger.info("worker ready", extra={"worker": worker_id})
    await processor.run()
    logger.info("worker stopped", extra={"worker": worker_id})


def _when_parent_is_gone(act: Callable[[], object]) -> None:
    def watch() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        act()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
