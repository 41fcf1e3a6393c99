"""Keeps the local workers running: starts them, restarts those that die, stops those that hang."""

import asyncio
import contextlib
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Awaitable, Callable, Sequence

from webapp.database.patience import Outage
from webapp.services.container import Services
from webapp.services.workers.workers import WorkerKind

logger = logging.getLogger(__name__)

NICENESS = 5
COMMAND = (sys.executable, "-m", "webapp", "worker", "--exit-with-parent")
# Somebody waits for speech with the connection open, but an answer of the server is quicker still.
SPEECH_NICENESS = 2
SPEECH_COMMAND = (sys.executable, "-m", "webapp", "speech-worker", "--exit-with-parent")
FIRST_DELAY_S = 0.25
LONGEST_DELAY_S = 30.0
# A worker that ran for this long was healthy: the next restart is quick again.
HEALTHY_S = 60.0
# A worker is killed when it has been silent for this many leases while the database answers.
SILENT_LEASES = 5
# A worker that has not registered after this long is not starting but hanging.
START_S = 60.0
STOP_S = 9.0
# One that died young is believed to come up all the same, so often in a row.
EXPECTED_AGAIN = 3
# What the command line exits with for settings that cannot be used.
EXIT_SETTINGS = 2


def restart_delay_s(quick_deaths: int) -> float:
    """Return how long to wait before a worker is started again after dying young so many times in a row."""
    return float(min(LONGEST_DELAY_S, FIRST_DELAY_S * 2 ** min(quick_deaths, 16)))


class Supervisor:
    """Runs a fixed number of local worker processes until told to stop."""

    def __init__(
        self,
        services: Services,
        workers: int,
        *,
        on_refusal: Callable[[], object],
        command: Sequence[str] = COMMAND,
        niceness: int = NICENESS,
        take_back: Callable[[str], Awaitable[list[str]]] | None = None,
        kind: WorkerKind = "sound",
    ) -> None:
        """`on_refusal` is called when a worker cannot start with the settings there are.

        `take_back` gives what a dead worker had in hand to others; by default its jobs.
        """
        self._services = services
        self._niceness = niceness
        self._take_back_from = take_back or services.queue.leases.take_back_from
        self._workers = workers
        self._kind: WorkerKind = kind
        self._on_refusal = on_refusal
        self._command = command
        self.was_refused = False
        # Settings with which a worker has worked are none that no worker can start with.
        self._has_worked = False
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
        arrivals = self._services.workers.arrivals
        quick_deaths = 0
        loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            started_s = loop.time()
            worker_id = self._services.ids.job_id()
            arrivals.expect(self._kind)
            try:
                code = await self._run_worker(worker_id)
                if self._stopping.is_set():
                    return
                if code == EXIT_SETTINGS and not self._has_worked:
                    self._refuse()
                    return
                quick_deaths = 0 if loop.time() - started_s > HEALTHY_S else quick_deaths + 1
                delay_s = restart_delay_s(quick_deaths - 1)
                logger.warning(
                    "worker died", extra={"worker": worker_id, "exit": code, "restart_in_s": delay_s}
                )
                if quick_deaths <= EXPECTED_AGAIN:
                    await self._pause(delay_s)
            finally:
                arrivals.give_up(self._kind)
            if quick_deaths > EXPECTED_AGAIN:
                await self._pause(delay_s)

    async def _pause(self, delay_s: float) -> None:
        """Wait before the next start, or until told to stop."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._stopping.wait()

    def _refuse(self) -> None:
        """A worker that cannot work under these settings never will: end the server, and say so."""
        logger.error("a worker cannot start with these settings; see its message above")
        self.was_refused = True
        self._on_refusal()

    async def _run_worker(self, worker_id: str) -> int | None:
        """Start a worker and watch it to its end; its exit code, or None when it could not be started."""
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, "--worker-id", worker_id, stdin=PIPE, stdout=DEVNULL
            )
        except OSError:
            # Memory or processes ran out; both may come back.
            logger.exception("could not start a worker")
            return None
        # Answers are a matter of milliseconds, sounds of seconds: where both want a core, answers come first.
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process.pid, self._niceness)
        await self._watch(process, worker_id)
        return process.returncode

    async def _watch(self, process: Process, worker_id: str) -> None:
        """Wait for a worker's end, bring it about if it hangs or if we stop, and take its jobs back."""
        ended = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        hanging = asyncio.create_task(self._until_silent(worker_id))
        try:
            await asyncio.wait((ended, stopping, hanging), return_when=asyncio.FIRST_COMPLETED)
            if stopping.done():
                await _terminate(process)
            elif hanging.done():
                logger.error("worker does not answer; killing it", extra={"worker": worker_id})
                _kill(process)
            await ended
        finally:
            for task in (stopping, hanging):
                task.cancel()
            _kill(process)
            await asyncio.gather(ended, stopping, hanging, return_exceptions=True)
            await self._take_back(worker_id)

    async def _until_silent(self, worker_id: str) -> None:
        """Wait until a worker has not been heard of for too long while the database answered."""
        loop = asyncio.get_running_loop()
        limit_s = self._services.settings.lease_s * SILENT_LEASES
        outage = Outage(logger, "the look after the workers")
        last: int | None = None
        since_s = loop.time()
        while True:
            await asyncio.sleep(limit_s / 4)
            has_answered = False
            with outage:
                heartbeat_ms = await self._services.workers.registry.last_heartbeat_ms(worker_id)
                has_answered = True
            if not has_answered:
                since_s = loop.time()
                continue
            if heartbeat_ms != last:
                last, since_s = heartbeat_ms, loop.time()
                self._has_worked = True
            # One that has not yet registered is still starting.
            elif loop.time() - since_s > (limit_s if last is not None else max(limit_s, START_S)):
                return

    async def _take_back(self, worker_id: str) -> None:
        """Do at once what the end of the lease would do in a few seconds."""
        try:
            jobs = await self._take_back_from(worker_id)
            await self._services.workers.registry.remove(worker_id)
        except Exception:
            logger.exception("could not take back the jobs of a dead worker; their lease will")
            return
        if jobs:
            logger.warning("jobs of a dead worker are back in line", extra={"jobs": ",".join(jobs)})


def _kill(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()


async def _terminate(process: Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(STOP_S):
            await process.wait()
            return
    _kill(process)
