"""Keeps the local workers running: starts them, restarts those that die, stops those that hang."""

import asyncio
import contextlib
import logging
import socket
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process

from webapp.services.container import Services

logger = logging.getLogger(__name__)

COMMAND = (sys.executable, "-m", "webapp", "worker", "--exit-with-parent")
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0
# A worker that ran for this long was healthy: the next restart is quick again.
HEALTHY_S = 60.0
# A worker is killed when it has been silent for this many leases while the database answers.
SILENT_LEASES = 5
STOP_S = 9.0


def restart_delay_s(quick_deaths: int) -> float:
    """How long to wait before a worker is started again after dying young so many times in a row."""
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(quick_deaths, 16)))


class Supervisor:
    """Runs a fixed number of local worker processes until told to stop."""

    def __init__(self, services: Services, workers: int) -> None:
        self._services = services
        self._workers = workers
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask the workers to finish or hand back, and start no more."""
        self._stopping.set()

    async def run(self) -> None:
        """Supervise until `stop`; every worker has ended when this returns."""
        async with asyncio.TaskGroup() as slots:
            for _ in range(self._workers):
                slots.create_task(self._slot())

    async def _slot(self) -> None:
        quick_deaths = 0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started_s = loop.time()
            process = await asyncio.create_subprocess_exec(*COMMAND, stdin=PIPE, stdout=DEVNULL)
            await self._watch(process)
            if self._stopping.is_set():
                return
            quick_deaths = 0 if loop.time() - started_s > HEALTHY_S else quick_deaths + 1
            delay_s = restart_delay_s(quick_deaths - 1)
            logger.warning(
                "worker died", extra={"pid": process.pid, "exit": process.returncode, "restart_in_s": delay_s}
            )
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay_s):
                    await self._stopping.wait()

    async def _watch(self, process: Process) -> None:
        """Wait for a worker's end, bring it about if it hangs or if we stop, and take its jobs back."""
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        hanging = asyncio.create_task(self._until_silent(process))
        try:
            await asyncio.wait((ended, stopping, hanging), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _terminate(process)
            elif hanging.done():
                logger.error("worker does not answer; killing it", extra={"pid": process.pid})
                process.kill()
            await ended
        finally:
            for task in (stopping, hanging):
                task.cancel()
            if process.returncode is None:
                process.kill()
            await asyncio.gather(ended, stopping, hanging, return_exceptions=True)
            await self._take_back(process)

    async def _until_silent(self, process: Process) -> None:
        limit_s = self._services.settings.lease_s * SILENT_LEASES
        while True:
            await asyncio.sleep(limit_s / 4)
            try:
                worker_id = await self._services.workers.of_process(socket.gethostname(), process.pid)
                if worker_id is not None and await self._services.workers.is_silent(worker_id, limit_s):
                    return
            except Exception:
                logger.exception("could not look after the workers")

    async def _take_back(self, process: Process) -> None:
        """Do at once what the end of the lease would do in a few seconds."""
        try:
            worker_id = await self._services.workers.of_process(socket.gethostname(), process.pid)
            if worker_id is None:
                return
            jobs = await self._services.leases.take_back_from(worker_id)
            await self._services.workers.remove(worker_id)
        except Exception:
            logger.exception("could not take back the jobs of a dead worker; their lease will")
            return
        if jobs:
            logger.warning("jobs of a dead worker are back in line", extra={"jobs": ",".join(jobs)})


async def _terminate(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()
                return
        process.kill()
