"""The worker's loop: claim as many jobs as the engine takes at once, keep the leases, stop in stages."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from webapp import tracing
from webapp.database.patience import Outage
from webapp.events.bus import Subscription
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.workers.abilities import made_models
from webapp.services.workers.heartbeat import Heartbeat
from webapp.services.workers.metrics import WorkerMetrics
from webapp.services.workers.workers import WorkerState
from webapp.stopping import end_now, first_of
from webapp.worker.attempt import Attempt
from webapp.worker.making import SoundMaker

logger = logging.getLogger(__name__)

EXIT_STALLED = 70
# Sounds that may still be finished and written while the engine is at work on further ones.
FINISHING_AHEAD = 2


@dataclass(frozen=True, slots=True)
class WorkerProcess:
    """Which process a worker is."""

    worker_id: str
    host: str
    pid: int
    device: str


class Processor:
    """Works jobs off until told to stop.

    Jobs of one model are generated together, as many as its engine takes; one joins only if it is the
    next in the queue, so that nobody is overtaken for the sake of a full batch.
    """

    def __init__(
        self,
        services: Services,
        maker: SoundMaker,
        worker: WorkerProcess,
        *,
        metrics: WorkerMetrics,
        report: Callable[[], dict[str, Any]],
        places: Callable[[str], int],
        end_process: Callable[[], object] = lambda: end_now(EXIT_STALLED),
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        """`report` is what the service's status tells; `places` how many jobs of a model are made at once.

        `now_s` is a clock that never goes back.
        """
        self._services = services
        self._leases = services.queue.leases
        self._settings = services.settings
        self._maker = maker
        self._worker = worker
        self._worker_id = worker.worker_id
        self._metrics = metrics
        self._report = report
        self._places = places
        self._end_process = end_process
        self._now_s = now_s
        self._attempts: dict[Attempt, asyncio.Task[None]] = {}
        self._changed = asyncio.Event()
        self._stopping = asyncio.Event()
        self._said: WorkerState | None = None
        self._claiming = Outage(logger, "work")
        self._saying = asyncio.Lock()
        self._heartbeat = Heartbeat(self._beat, every_s=self._settings.heartbeat_s, log=logger)

    def stop(self) -> None:
        """Take no more jobs; finish those in hand if that is quick, hand them back otherwise."""
        self._stopping.set()

    async def run(self) -> None:
        """Work until `stop`. Every job in hand is finished or back in the queue when this returns."""
        async with self._heartbeat.beating():
            await self.say()
            with self._services.bus.subscribe() as hints:
                while not self._stopping.is_set():
                    self._changed.clear()
                    claim = await self._claim() if self._has_capacity() else None
                    if claim is None:
                        await first_of(self._news(hints), self._changed.wait(), self._stopping.wait())
                    else:
                        self._begin(claim)
            await self.say()
            await asyncio.gather(*self._attempts.values())

    async def say(self) -> None:
        """Record what this worker does, and what it has loaded."""
        async with self._saying:
            self._said = self._state()
            try:
                registry = self._services.workers.registry
                await registry.record_report(self._worker_id, self._said, self._report())
            except Exception:
                logger.exception("could not report the worker's state")

    def _state(self) -> WorkerState:
        if self._stopping.is_set():
            return "stopping"
        return "busy" if self._attempts else "idle"

    def _generating(self) -> list[Attempt]:
        return [attempt for attempt in self._attempts if attempt.is_generating]

    def _has_capacity(self) -> bool:
        """Return whether the engine, and what comes after it, can take another job."""
        generating = self._generating()
        places = self._places(generating[0].claim.model) if generating else 1
        finishing = len(self._attempts) - len(generating)
        return len(generating) < places and finishing < max(places, FINISHING_AHEAD)

    async def _claim(self) -> Claim | None:
        """Claim the next job of the queue, if the engine can begin it now."""
        generating = self._generating()
        joining = generating[0].claim.model if generating else None
        report, asked_ms = self._report(), self._services.clock.now_ms()
        ready = frozenset(name for name, entry in report["models"].items() if entry["state"] == "ready")
        with self._claiming:
            claim = await self._leases.claim(
                self._worker_id, ready, makes=made_models(report), joining=joining
            )
            if claim is not None:
                claimed_ms = self._services.clock.now_ms()
                tracing.record("wait", claim.trace, claim.submitted_ms, claimed_ms)
                tracing.record("claim", claim.trace, asked_ms, claimed_ms, worker=self._worker_id)
            return claim
        return None

    def trace_load(self, model: str, seconds: float) -> None:
        """Write the load of a model that has ended into the traces of the jobs that waited for it."""
        now_ms = self._services.clock.now_ms()
        for attempt in self._generating():
            if attempt.claim.model == model:
                tracing.record("load", attempt.trace, now_ms - round(seconds * 1000), now_ms, model=model)

    def _model_states(self) -> dict[str, str]:
        return {model: entry["state"] for model, entry in self._report()["models"].items()}

    async def _news(self, hints: Subscription) -> None:
        """Wait until something but the progress of jobs may have changed, or it is time to look anyway."""
        deadline = asyncio.get_running_loop().time() + self._settings.poll_s
        while (left_s := deadline - asyncio.get_running_loop().time()) > 0:
            if any(event.topic != "job" for event in await hints.wait(left_s)):
                return

    def _begin(self, claim: Claim) -> None:
        wait_ms = self._services.clock.now_ms() - claim.submitted_ms
        self._metrics.claimed(claim.model, max(0, wait_ms) / 1000)
        attempt = Attempt(
            self._services,
            self._maker,
            claim,
            metrics=self._metrics,
            stopping=self._stopping,
            changed=self._changed.set,
            progressed=self._heartbeat.report_soon,
            now_s=self._now_s,
        )
        self._attempts[attempt] = asyncio.create_task(self._work(attempt))

    async def _work(self, attempt: Attempt) -> None:
        saying = asyncio.create_task(self._say_if_new())
        claim = attempt.claim
        try:
            with tracing.span("attempt", claim.trace, job=claim.job_id, model=claim.model, fence=claim.fence):
                attempt.trace = tracing.current()
                await attempt.run()
        finally:
            await saying
            del self._attempts[attempt]
            self._changed.set()
            await self._say_if_new()

    async def _say_if_new(self) -> None:
        if self._state() != self._said:
            await self.say()

    async def _beat(self) -> None:
        """Keep the leases and report progress; stop the engine for jobs that are no longer ours."""
        attempts = list(self._attempts)
        progress = {attempt: attempt.progress_pct for attempt in attempts if attempt.has_news}
        kept = await self._leases.keep(
            self._worker_id,
            [attempt.claim for attempt in attempts],
            {attempt.claim.job_id: progress_pct for attempt, progress_pct in progress.items()},
        )
        for attempt in attempts:
            if (attempt.claim.job_id, attempt.claim.fence) not in kept.held:
                attempt.cancel()
        for attempt, progress_pct in progress.items():
            attempt.reported_pct = progress_pct
        if still := self._standing_still():
            await self._abandon(still)
        if not kept.is_registered:
            await self._return_to_register()

    def _standing_still(self) -> list[Attempt]:
        """Return the stalled jobs, without those that wait for an engine busy with others."""
        since_s = self._now_s() - self._settings.stall_s
        still = [attempt for attempt in self._attempts if attempt.moved_s < since_s]
        if any(attempt.has_begun and attempt not in still for attempt in self._generating()):
            return [attempt for attempt in still if attempt.has_begun]
        return still

    async def _return_to_register(self) -> None:
        """Enter again, if we were taken off for being silent too long, as after the machine slept."""
        workers, worker = self._services.workers.registry, self._worker
        await workers.register(worker.worker_id, host=worker.host, pid=worker.pid, device=worker.device)
        await self.say()

    async def _abandon(self, still: list[Attempt]) -> None:
        """Give up what does not move."""
        jobs = [attempt.claim.job_id for attempt in still]
        loading = [model for model, state in self._model_states().items() if state == "loading"]
        what = f"loading {loading[0]}" if loading else "generation"
        logger.error("%s stands still; the worker gives up", what, extra={"jobs": jobs})
        await self.give_up()

    async def give_up(self) -> None:
        """Return the jobs in hand to the queue and end the process: the engine's thread cannot be ended."""
        try:
            await self._leases.take_back_from(self._worker_id)
        except Exception:
            logger.exception("could not return the jobs to the queue; their leases will lapse")
        self._end_process()
