"""Measured speed of the workers, for estimates."""

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.estimates import Speed
from webapp.services.workers import Workers

SAMPLE = 200
FRESH_FOR_MS = 2_000


class Estimator:
    """Learns from the newest results how long a model takes for a second of audio."""

    def __init__(self, database: Database, clock: Clock, workers: Workers) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        self._rates: dict[str, float] = {}
        self._measured_ms: int | None = None

    async def speed(self) -> Speed:
        """The workers that are alive now and the speed of each model, at most two seconds old."""
        now_ms = self._clock.now_ms()
        if self._measured_ms is None or not 0 <= now_ms - self._measured_ms < FRESH_FOR_MS:
            self._rates = await self._measure()
            self._measured_ms = now_ms
        return Speed(await self._workers.count_alive(), self._rates)

    async def _measure(self) -> dict[str, float]:
        rows = await self._database.fetch(
            "SELECT model, SUM(finished_ms - started_ms) / 1000.0 AS work_s, SUM(duration_s) AS audio_s FROM"
            " (SELECT model, finished_ms, started_ms, duration_s FROM job"
            " WHERE status = 'completed' ORDER BY finished_ms DESC LIMIT {}) AS newest GROUP BY model",
            SAMPLE,
        )
        return {row["model"]: float(row["work_s"]) / float(row["audio_s"]) for row in rows}
