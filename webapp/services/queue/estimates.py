"""Gathers what estimates are computed from: measured speeds, and how much work better tiers submit."""

from collections.abc import Iterable
from dataclasses import replace

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.generation import MODELS
from webapp.policy.queue.estimates import Outlook, WorkerProfile
from webapp.policy.queue.overtaking import Arrival, overtaking_shares
from webapp.policy.queue.speed import Result, SpeedTable, learn
from webapp.services.queue import queries
from webapp.services.workers.workers import Workers
from webapp.tables import Job

# The newest results of each model: enough for a stable fit, few enough to follow a change within hours.
RESULTS_PER_MODEL = 200
# The newest arrivals, and the shortest time over which their rate is taken: a burst is not a rate.
ARRIVALS = 300
SHORTEST_SPAN_MS = 600_000
FRESH_FOR_MS = 5_000


class Estimator:
    """Measures speeds and demand from the newest results and arrivals."""

    def __init__(self, database: Database, clock: Clock, workers: Workers) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        self._speeds = SpeedTable()
        self._engines: dict[str, str] = {}
        self._arrivals: tuple[Arrival, ...] = ()
        self._since_ms, self._span_ms = 0, 0.0
        self._measured_ms: int | None = None

    async def outlook(self) -> Outlook:
        """Return the present workers with measurements that are at most five seconds old."""
        on_duty = await self._workers.on_duty()
        now_ms = self._clock.now_ms()
        if self._measured_ms is None or not 0 <= now_ms - self._measured_ms < FRESH_FOR_MS:
            await self._measure()
            await self._count_arrivals(self._with_engines(on_duty), now_ms)
            self._measured_ms = now_ms
        workers = self._with_engines(on_duty)
        shares = overtaking_shares(
            self._arrivals, since_ms=self._since_ms, span_ms=self._span_ms, workers=len(workers)
        )
        return Outlook(workers, self._speeds, shares)

    def _with_engines(self, workers: Iterable[WorkerProfile]) -> tuple[WorkerProfile, ...]:
        """Assume the engines of the newest results for models that a worker has not reported on yet."""
        return tuple(replace(worker, engines={**self._engines, **worker.engines}) for worker in workers)

    async def _measure(self) -> None:
        results = [result for model in MODELS for result in await self._results(model)]
        self._speeds = learn(results)
        self._engines = {result.model: result.engine for result in reversed(results)}

    async def _count_arrivals(self, workers: tuple[WorkerProfile, ...], now_ms: int) -> None:
        rows = (
            await Job.select(Job.priority, Job.model, Job.duration_s, Job.created_ms)
            .order_by(Job.sequence, ascending=False)
            .limit(ARRIVALS)
        )
        outlook = Outlook(workers, self._speeds)
        self._arrivals = tuple(
            Arrival(
                row["created_ms"], row["priority"], outlook.work_ms(row["model"], row["duration_s"]) or 0.0
            )
            for row in rows
        )
        oldest_ms = min((row["created_ms"] for row in rows), default=now_ms)
        self._since_ms = min(oldest_ms, now_ms - SHORTEST_SPAN_MS)
        self._span_ms = float(now_ms - self._since_ms)

    async def _results(self, model: str) -> list[Result]:
        """Return the newest results of a model, newest first."""
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
