"""The worker's loop: claim, run, write; keep the leases; stop in stages."""

import asyncio
import contextlib
import errno
import logging
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from webapp.engines.base import CancelToken, EngineError, GenerationCancelled
from webapp.errors import LeaseLost
from webapp.services.container import Services
from webapp.services.leases import Claim, SoundFacts
from webapp.services.workers import WorkerState
from webapp.worker.progress import ProgressReporter
from webapp.worker.runner import Runner

logger = logging.getLogger(__name__)

T = TypeVar("T")

RETRY_WRITE_S = 0.25
# After the grace period: how long the engine gets to notice that it is to stop.
CANCEL_S = 2.0
EXIT_STALLED = 70
UNEXPECTED = "Something went wrong while generating"
DISK_FULL = "The server has no disk space left"
NOT_WRITABLE = "The server cannot write to its data folder"


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """Which process a worker is."""

    worker_id: str
    host: str
    pid: int
    device: str


class _Unfinished(Exception):
    """The worker stops, and the engine did not end in time."""


class Processor:
    """Works jobs off, one after the other, until told to stop."""

    def __init__(
        self,
        services: Services,
        runner: Runner,
        worker: WorkerProcess,
        report: Callable[[], dict[str, Any]],
        end_process: Callable[[], object] = lambda: os._exit(EXIT_STALLED),
    ) -> None:
        self._services = services
        self._leases = services.leases
        self._settings = services.settings
        self._runner = runner
        self._worker = worker
        self._worker_id = worker.worker_id
        self._report = report
        self._end_process = end_process
        self._state: WorkerState = "idle"
        self._moved_s = 0.0
        self._stopping = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="engine")
        self._current: tuple[Claim, CancelToken] | None = None

    def stop(self) -> None:
        """Take no more jobs; finish the one in hand if that is quick, hand it back otherwise."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`. A job in hand is finished or back in line when this returns."""
        heart = asyncio.create_task(self._beat())
        try:
            await self._say("idle")
            while not self._stopping.is_set():
                claim = await self._claim()
                if claim is not None:
                    await self._work(claim)
        finally:
            heart.cancel()
            await asyncio.gather(heart, return_exceptions=True)
            self._thread.shutdown(wait=False, cancel_futures=True)

    async def _claim(self) -> Claim | None:
        """Take a job, or wait until there may be one."""
        with self._services.bus.subscribe() as hints:
            try:
                claim = await self._leases.claim(self._worker_id, self._ready())
            except Exception:
                logger.exception("could not look for work")
                claim = None
            if claim is None:
                await _first_of(hints.wait(self._settings.poll_s), self._stopping.wait())
        return claim

    def _ready(self) -> frozenset[str]:
        """The models that can be begun without loading anything."""
        models: dict[str, dict[str, Any]] = self._report()["models"]
        return frozenset(model for model, entry in models.items() if entry["state"] == "ready")

    async def _work(self, claim: Claim) -> None:
        logger.info("job started", extra={"job": claim.job_id, "model": claim.model, "fence": claim.fence})
        cancel = CancelToken()
        self._current = (claim, cancel)
        saying = asyncio.create_task(self._say("busy"))
        try:
            await self._attempt(claim, cancel)
        except LeaseLost:
            logger.warning("job lost to another worker, or ended meanwhile", extra={"job": claim.job_id})
            await self._remove_files(claim)
        except Exception as error:
            # A cancellation that nobody asked for is a failure like any other.
            if isinstance(error, _Unfinished) or (
                isinstance(error, GenerationCancelled) and cancel.cancelled
            ):
                await self._give_back(claim)
            else:
                logger.exception("attempt failed", extra={"job": claim.job_id})
                await self._fail(claim, _plain_words(error))
        finally:
            self._current = None
            await saying
            await self._say("stopping" if self._stopping.is_set() else "idle")

    async def _attempt(self, claim: Claim, cancel: CancelToken) -> None:
        """Generate, publish the files, then make them visible."""
        storage = self._services.storage
        staged = storage.staging_folder()
        reporter = ProgressReporter(self._leases, claim)
        reporting = asyncio.create_task(reporter.run())

        def tell(progress_pct: int) -> None:
            self._moved_s = time.monotonic()
            reporter.tell(progress_pct)

        try:
            self._moved_s = time.monotonic()
            running = asyncio.get_running_loop().run_in_executor(
                self._thread, self._runner.run, claim, staged, tell, cancel
            )
            facts = await self._until_done(running, cancel)
            await storage.publish(claim.storage_key, staged)
            await self._persist(claim, lambda: self._leases.complete(claim, facts))
            logger.info("job completed", extra={"job": claim.job_id, "score": facts.quality_score})
        finally:
            reporting.cancel()
            await asyncio.gather(reporting, return_exceptions=True)
            await storage.discard(staged)

    async def _until_done(self, running: asyncio.Future[SoundFacts], cancel: CancelToken) -> SoundFacts:
        """The result; when asked to stop, within the grace period or not at all.

        Raises what the engine raises, and _Unfinished when it does not even notice that it is cancelled.
        """
        await _first_of(asyncio.shield(running), self._stopping.wait())
        if not running.done():
            await self._say("stopping")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.stop_grace_s):
                    return await asyncio.shield(running)
            cancel.cancel()
            try:
                async with asyncio.timeout(CANCEL_S):
                    return await asyncio.shield(running)
            except TimeoutError as error:
                raise _Unfinished from error
        return await running

    async def _give_back(self, claim: Claim) -> None:
        logger.info("job handed back", extra={"job": claim.job_id})
        with contextlib.suppress(LeaseLost):
            await self._persist(claim, lambda: self._leases.hand_back(claim))

    async def _fail(self, claim: Claim, message: str) -> None:
        with contextlib.suppress(LeaseLost):
            again = await self._persist(claim, lambda: self._leases.fail(claim, message))
            logger.warning("job will be tried again" if again else "job failed", extra={"job": claim.job_id})

    async def _remove_files(self, claim: Claim) -> None:
        try:
            await self._services.sounds.remove_if_stray(claim.storage_key)
        except Exception:
            logger.exception("left files for the next start to remove", extra={"job": claim.job_id})

    async def _persist(self, claim: Claim, write: Callable[[], Awaitable[T]]) -> T:
        """Write a job's end, again and again while the database is away and the lease may still hold.

        Raises LeaseLost when it cannot hold any longer.
        """
        deadline = asyncio.get_running_loop().time() + self._settings.lease_s
        while asyncio.get_running_loop().time() < deadline:
            try:
                return await write()
            except LeaseLost:
                raise
            except Exception:
                logger.exception(
                    "could not write the end of a job; trying again", extra={"job": claim.job_id}
                )
                await asyncio.sleep(RETRY_WRITE_S)
        raise LeaseLost(claim.job_id)

    async def _beat(self) -> None:
        """Keep the leases; stop an engine whose job is no longer ours."""
        while True:
            await asyncio.sleep(self._settings.heartbeat_s)
            current = self._current
            try:
                held = await self._leases.keep(self._worker_id, [current[0]] if current else [])
                await self._return_to_register()
            except Exception:
                logger.exception("could not renew the lease")
                continue
            if (
                current is not None
                and current == self._current
                and (current[0].job_id, current[0].fence) not in held
            ):
                current[1].cancel()
            if current is not None and time.monotonic() - self._moved_s > self._settings.stall_s:
                await self._abandon(current[0])

    async def _return_to_register(self) -> None:
        """Enter again, if we were taken off for being silent too long, as after the machine slept."""
        workers, worker = self._services.workers, self._worker
        if await workers.last_heartbeat_ms(worker.worker_id) is None:
            await workers.register(worker.worker_id, host=worker.host, pid=worker.pid, device=worker.device)
            await self._say(self._state)

    async def _abandon(self, claim: Claim) -> None:
        """Give up a generation that does not move. Its thread cannot be ended, so the process is."""
        logger.error("generation stands still; the worker gives up", extra={"job": claim.job_id})
        try:
            await self._leases.take_back_from(self._worker_id)
        except Exception:
            logger.exception("could not put the job back in line; its lease will")
        self._end_process()

    async def _say(self, state: WorkerState) -> None:
        self._state = state
        try:
            await self._services.workers.say(self._worker_id, state, self._report())
        except Exception:
            logger.exception("could not report the worker's state")


def _plain_words(error: Exception) -> str:
    """What the owner of a job is told of a failure."""
    # An engine's own files may be what cannot be written.
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return DISK_FULL
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return NOT_WRITABLE
    if isinstance(error, EngineError):
        return error.user_message
    return UNEXPECTED


async def _first_of(*awaitables: Awaitable[object]) -> None:
    """Wait until one of these is done; the others are cancelled."""
    tasks = [asyncio.ensure_future(awaitable) for awaitable in awaitables]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
