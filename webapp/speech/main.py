"""`soundloom speech-worker`: one speech worker, from start to stop."""

import asyncio
import logging
import os
import socket
from typing import Final

from webapp.audio.export import warm_up
from webapp.engines.speech.engine import SpeechEngine
from webapp.logs import configure_logging, leave_out_injected
from webapp.services.container import open_services
from webapp.services.opening import FOR_EVER
from webapp.services.workers.metrics import WorkerMetrics
from webapp.services.workers.metrics_reporter import report_metrics
from webapp.settings import Settings
from webapp.speech.loop import SpeechProcessor
from webapp.stopping import StopRequests, run_process

# Of Hibari's and Kokoro's voices, and of eSpeak NG's and most of Piper's.
USUAL_RATES: Final = (24_000, 22_050)

logger = logging.getLogger(__name__)


def run(settings: Settings, *, exit_with_parent: bool = False, worker_id: str | None = None) -> int:
    """Speak until SIGTERM or SIGINT; does not return, since a text in hand may still have its thread.

    With `exit_with_parent`, standard input is a pipe from the process that started this one, and its
    end means that the parent is gone. Raises SettingsError and DatabaseUnusable.
    """
    configure_logging(settings)
    leave_out_injected(os.environ)
    run_process(_run(settings, exit_with_parent, worker_id), "speech worker failed")


async def _run(settings: Settings, exit_with_parent: bool, worker_id: str | None) -> None:
    # Before anything that needs the database: the process that it starts is to inherit nothing of it.
    engine = SpeechEngine(settings.voices_path)
    stop_requests = StopRequests(exit_with_parent=exit_with_parent)
    try:
        async with open_services(settings, wait_s=FOR_EVER) as services:
            name = worker_id or services.ids.job_id()
            metrics = WorkerMetrics()
            processor = SpeechProcessor(
                services, engine, name, host=socket.gethostname(), pid=os.getpid(), metrics=metrics
            )
            stop_requests.from_now_on(processor.stop)
            await services.storage.sweep_staging()
            await asyncio.gather(asyncio.to_thread(warm_up, *USUAL_RATES), asyncio.to_thread(engine.warm_up))
            logger.info("speech worker ready", extra={"worker": name})
            reporting = asyncio.create_task(report_metrics(services.workers.metrics, name, metrics))
            try:
                await processor.run()
            finally:
                reporting.cancel()
                await asyncio.gather(reporting, return_exceptions=True)
            logger.info("speech worker stopped", extra={"worker": name})
    finally:
        engine.close()
