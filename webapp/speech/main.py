"""`soundloom speech-worker`: one speech worker, from start to stop."""

import asyncio
import logging
import os
import signal
import socket

from webapp.audio.export import warm_up
from webapp.engines.speech.engine import SpeechEngine
from webapp.logs import configure_logging, leave_out_injected
from webapp.services.container import open_services
from webapp.settings import Settings
from webapp.speech.processor import SpeechProcessor
from webapp.stopping import end_for_certain, run_process, when_parent_is_gone

logger = logging.getLogger(__name__)


def run(settings: Settings, *, exit_with_parent: bool = False, worker_id: str | None = None) -> int:
    """Speak until SIGTERM or SIGINT; does not return, since a text in hand may still have its thread.

    With `exit_with_parent`, standard input is a pipe from the process that started this one, and its
    end means that the parent is gone. Raises SettingsError.
    """
    configure_logging(settings)
    leave_out_injected(os.environ)
    run_process(_run(settings, exit_with_parent, worker_id), "speech worker failed")


async def _run(settings: Settings, exit_with_parent: bool, worker_id: str | None) -> None:
    # Before anything that needs the database: the process that it starts is to inherit nothing of it.
    engine = SpeechEngine(settings.voices_path)
    try:
        async with open_services(settings) as services:
            name = worker_id or services.ids.job_id()
            processor = SpeechProcessor(services, engine, name, host=socket.gethostname(), pid=os.getpid())
            loop = asyncio.get_running_loop()

            def stop() -> None:
                end_for_certain()
                processor.stop()

            for signal_number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(signal_number, stop)
            if exit_with_parent:
                when_parent_is_gone(lambda: loop.call_soon_threadsafe(stop))
            await asyncio.to_thread(warm_up)
            logger.info("speech worker ready", extra={"worker": name})
            await processor.run()
            logger.info("speech worker stopped", extra={"worker": name})
    finally:
        engine.close()
