"""Estimates from the recent past: measured speed, and how much work better tiers submit."""

from collections.abc import Iterable

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.generation import MODELS
from webapp.policy.queue.estimates import Hands, Outlook
from webapp.policy.queue.overtaking import Asked, overtaking
from webapp.policy.queue.speed import Result, SpeedTable, learn
from webapp.services.queue import queries
from webapp.services.workers.workers import WorkerOnDuty, Workers
from webapp.tables import Job

# The newest results of each model: enough for a stable estimate, few enough to follow a change within hours.
RESULTS_PER_MODEL = 200
# The newest arrivals, and the shortest time over which they count: a burst is not a rate.
ARRIVALS = 300
SHORTEST_SPAN_MS = 600_000
FRESH_FOR_MS = 5_000


class Estimator:
    """Learns from the newest results and arrivals."""

    def __init__(self, database: Database, clock: Clock, workers: Workers) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        self._speeds = SpeedTable()
        self._engines: dict[str, str] = {}
        self._asked: tuple[Asked, ...] = ()
        self._since_ms, self._span_ms = 0, 0.0
        self._measured_ms: int | None = None

    async def outlook(self) -> Outlook:
        """Return the present workers with measurements that are at most five seconds old."""
        workers = await self._workers.on_duty()
        now_ms = self._clock.now_ms()
        if self._measured_ms is None or not 0 <= now_ms - self._measured_ms < FRESH_FOR_MS:
            await self._measure()
            await self._count_arrivals(self._hands(workers), now_ms)
            self._measured_ms = now_ms
        hands = self._hands(workers)
        shares = overtaking(self._asked, since_ms=self._since_ms, span_ms=self._span_ms, workers=len(hands))
        return Outlook(hands, self._speeds, shares)

    def _hands(self, workers: Iterable[WorkerOnDuty]) -> tuple[Hands, ...]:
        """The workers; one that has not reported what it runs counts with what made the newest results."""
        return tuple(
            Hands(worker.worker_id, worker.device, {**self._engines, **worker.engines}, worker.places)
            for worker in workers
        )

    async def _measure(self) -> None:
        results = [result for model in MODELS for result in await self._results(model)]
        self._speeds = learn(results)
        self._engines = {result.model: result.engine for result in reversed(results)}

    async def _count_arrivals(self, hands: tuple[Hands, ...], now_ms: int) -> None:
        rows = (
            await Job.select(Job.priority, Job.model, Job.duration_s, Job.created_ms)
            .order_by(Job.sequence, ascending=False)
            .limit(ARRIVALS)
        )
        anyone = Outlook(hands, self._speeds)
        self._asked = tuple(
            Asked(row["created_ms"], row["priority"], anyone.work_ms(row["model"], row["duration_s"]) or 0.0)
            for row in rows
        )
        oldest_ms = min((row["created_ms"] for row in rows), default=now_ms)
        self._since_ms = min(oldest_ms, now_ms - SHORTEST_SPAN_MS)
        self._span_ms = float(now_ms - self._since_ms)

    async def _results(self, model: str) -> list[Result]:
        """The newest results of a model, newest first."""
        rows = await queries.newest_results(self._database, model, RESULTS_PER_MODEL)
        return [
            Result(
                model=model,
                engine=row["engine"],
                device=row["device"] or "",
                duration_s=row["duration_s"],
                work_s=max(1, row["finished_ms"] - row["started_ms"]) / 1000,
            )
            for row in rows
        ]
