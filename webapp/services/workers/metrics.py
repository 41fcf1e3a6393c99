"""Metrics of workers: counted in the worker, stored in its row, served by every web process."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Metric, ProcessCollector

from webapp.database import Database
from webapp.errors import is_write_refused
from webapp.tables import Worker

Outcome = Literal["completed", "failed", "retried", "handed_back", "lost"]

# In seconds, from an idle server to a long queue.
WAIT_BUCKETS: Final = (0.1, 0.3, 1, 3, 10, 30, 60, 180, 600, 1800, 3600, 10_800)
LOAD_BUCKETS: Final = (0.3, 1, 3, 10, 30, 60, 180, 600)


class WorkerMetrics:
    """The figures of one worker since it started, in Prometheus' types.

    Jobs are labelled with their model; spoken texts with `voice`.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # With a namespace of their own, since the web process that serves them has the same metrics.
        ProcessCollector(namespace="soundloom_worker", registry=self.registry)
        self._claimed = self._counter("jobs_claimed", "Jobs claimed by this worker.", "model")
        self._ended = self._counter("attempts", "Attempts ended by this worker.", "model", "outcome")
        self._wait = self._histogram(
            "job_wait_seconds", "From submission to the claim.", WAIT_BUCKETS, "model"
        )
        self._until_sound = self._histogram(
            "time_to_sound_seconds", "From submission to the finished sound.", WAIT_BUCKETS, "model"
        )
        self._audio = self._counter("audio_seconds", "Seconds of audio that engines made.", "model", "engine")
        self._busy = self._counter(
            "generation_seconds", "Seconds for which jobs were in an engine, each counted.", "model", "engine"
        )
        self._batch = Gauge(
            "soundloom_batch_jobs", "Jobs in an engine now.", ["model"], registry=self.registry
        )
        self._loads = self._histogram(
            "model_load_seconds", "Loads of models, failed ones too.", LOAD_BUCKETS, "model", "outcome"
        )
        self._storage_errors = self._counter(
            "storage_errors", "Attempts that ended because of the storage, and tries while it was away."
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"soundloom_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"soundloom_{name}", text, labels, registry=self.registry, buckets=buckets)

    def claimed(self, model: str, wait_s: float) -> None:
        """Count a claim, and how long its job had waited."""
        self._claimed.labels(model).inc()
        self._wait.labels(model).observe(wait_s)

    def ended(self, model: str, outcome: Outcome, error: Exception | None = None) -> None:
        """Count the end of an attempt."""
        self._ended.labels(model, outcome).inc()
        if error is not None and (is_write_refused(error) or is_write_refused(error.__cause__)):
            self._storage_errors.inc()

    def storage_was_away(self) -> None:
        """Count a try to publish a sound that has to be repeated."""
        self._storage_errors.inc()

    def sounded(self, model: str, since_submission_s: float) -> None:
        """Record that a job's sound is finished."""
        self._until_sound.labels(model).observe(since_submission_s)

    @contextmanager
    def generating(
        self, model: str, engine: str, audio_s: float, now_s: Callable[[], float]
    ) -> Iterator[None]:
        """Measure a generation of so many seconds of audio; one that fails made none."""
        began_s = now_s()
        batch = self._batch.labels(model)
        batch.inc()
        try:
            yield
            self._audio.labels(model, engine).inc(audio_s)
        finally:
            batch.dec()
            self._busy.labels(model, engine).inc(now_s() - began_s)

    def loaded(self, model: str, seconds: float, *, is_ready: bool) -> None:
        """Record a load. Any thread may call it."""
        self._loads.labels(model, "ready" if is_ready else "error").observe(seconds)

    def dump(self) -> str:
        """Return every figure as JSON: families of (name, help, type, samples of (name, labels, value))."""
        return json.dumps(
            [
                [
                    family.name,
                    family.documentation,
                    family.type,
                    [
                        [sample.name, sample.labels, sample.value]
                        for sample in family.samples
                        if not sample.name.endswith("_created")
                    ],
                ]
                for family in self.registry.collect()
            ],
            separators=(",", ":"),
        )


class MetricsStore:
    """Workers' metrics in the register of workers."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, worker_id: str, dump: str) -> None:
        """Replace a worker's figures."""
        async with self._database.transaction(durable=False):
            await Worker.update({Worker.metrics: dump}).where(Worker.worker_id == worker_id)

    async def families(self) -> list[Metric]:
        """Return the figures of all registered workers, each sample labelled with its worker."""
        rows = await Worker.select(Worker.worker_id, Worker.metrics).order_by(Worker.worker_id)
        families: dict[str, Metric] = {}
        for row in rows:
            for name, text, kind, samples in json.loads(row["metrics"] or "[]"):
                family = families.setdefault(name, Metric(name, text, kind))
                for sample, labels, value in samples:
                    family.add_sample(sample, {**labels, "worker": row["worker_id"]}, value)
        return list(families.values())
