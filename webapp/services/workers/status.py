"""The state of the whole service: models, GPU, workers, and what waits."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from webapp.clock import Clock
from webapp.database import Database
from webapp.policy.generation import MODELS
from webapp.policy.speech import STATUS_MODEL
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.snapshot import REFRESH_ESTIMATES_MS, QueueReader
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.workers.arrivals import Arrivals
from webapp.services.workers.workers import WorkerInfo, WorkerKind, Workers

UNAVAILABLE = "unavailable"
LOADING = "loading"
# In order of precedence: the best of several workers' states is shown.
STATE_PRECEDENCE = ("ready", "loading", "unloaded", "error", UNAVAILABLE)
NO_GPU: Mapping[str, Any] = {
    "available": False,
    "name": None,
    "memory_used_gb": None,
    "memory_total_gb": None,
    "memory_percent": None,
    "busy": False,
}


@dataclass(frozen=True, slots=True)
class Abilities:
    """An engine's abilities with a model, in words, and the parts of proposals that it can make.

    A proposal fills the placeholders of `idea_form` with one of each part.
    """

    good_at: str
    idea_form: str
    idea_parts: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class EngineReport:
    """The engine that serves a model. `max_duration_s` is the longest clip it can make.

    `error` says why it could not be loaded; empty when it could. `memory_mb` is its size where it is loaded;
    `is_pinned` means that it stays loaded. `sampling` are the settings for requests that leave them out,
    `precision` is its numeric precision where it is loaded, and `precision_note` the reason for that.
    `abilities` is None for an engine that does not report any. `needs_load`: it has something to load. `can`
    is what it can do, by the keys of the API: text, continue, melody, stream (yes or no), takes (the most of
    a request) and longest (seconds); empty where nothing is reported. `melody`: it can follow the melody of a
    sound, with what limits that in `melody_note`.
    """

    engine: str
    label: str
    checkpoint: str
    license: str
    max_duration_s: float
    error: str = ""
    is_pinned: bool = False
    memory_mb: int = 0
    sampling: Mapping[str, float] = field(default_factory=dict)
    precision: str = ""
    precision_note: str = ""
    abilities: Abilities | None = None
    needs_load: bool = True
    melody: bool = False
    melody_note: str = ""
    can: Mapping[str, bool | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The contents of `/status`; `estimated_wait` is in seconds, by model."""

    models: dict[str, str]
    gpu: dict[str, Any]
    queue_length: int
    queue_by_model: dict[str, int]
    estimated_wait: dict[str, int | None]
    engines: dict[str, EngineReport] = field(default_factory=dict)
    workers: tuple[WorkerInfo, ...] = ()
    is_paused: bool = False


class StatusReporter:
    """Combines the workers' reports and the queue."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        workers: Workers,
        queue: QueueReader,
        estimator: Estimator,
        arrivals: Arrivals,
    ) -> None:
        self._database = database
        self._clock = clock
        self._workers = workers
        self._arrivals = arrivals
        self._queue = queue
        self._estimator = estimator
        self._cache: ReadCache[None, StatusReport] = ReadCache(database, clock, capacity=1)

    async def report(self) -> StatusReport:
        """Return the current state; the same object while nothing changes."""
        return await self._cache.get(None, self._read)

    async def _read(self) -> Reading[StatusReport]:
        workers = tuple(await self._workers.alive())
        snapshot = await self._queue.snapshot()
        waiting = [job for job in snapshot.jobs if job.status == "queued"]
        now_ms = self._clock.now_ms()
        report = StatusReport(
            models={model: self._state(model, workers) for model in (*MODELS, STATUS_MODEL)},
            gpu=next((worker.report["gpu"] for worker in workers if worker.report.get("gpu")), dict(NO_GPU)),
            queue_length=len(snapshot.jobs),
            queue_by_model=dict(Counter(job.model for job in waiting)),
            estimated_wait={
                model: _wait_s([job.expected_start_ms for job in waiting if job.model == model], now_ms)
                for model in MODELS
                if any(job.model == model for job in waiting)
            },
            engines=_engines(workers),
            workers=workers,
            is_paused=snapshot.is_paused,
        )
        # Waits shrink as time passes, and a worker without heartbeats counts as gone.
        return Reading(report, now_ms + REFRESH_ESTIMATES_MS)

    def _state(self, model: str, workers: tuple[WorkerInfo, ...]) -> str:
        kind: WorkerKind = "speech" if model == STATUS_MODEL else "sound"
        if self._arrivals.is_coming_beside(kind, workers):
            return LOADING
        states = [
            worker.report.get("models", {}).get(model, {}).get("state", UNAVAILABLE) for worker in workers
        ]
        return min(states, key=STATE_PRECEDENCE.index, default=UNAVAILABLE)


def _engines(workers: tuple[WorkerInfo, ...]) -> dict[str, EngineReport]:
    """Return what serves each model, from the worker whose state takes precedence."""
    entries: dict[str, dict[str, Any]] = {}
    for worker in workers:
        for model, entry in worker.report.get("models", {}).items():
            best = entries.setdefault(model, entry)
            if STATE_PRECEDENCE.index(entry["state"]) < STATE_PRECEDENCE.index(best["state"]):
                entries[model] = entry
    return {
        model: EngineReport(
            engine=entry["engine"],
            label=entry["label"],
            checkpoint=entry["checkpoint"],
            license=entry["license"],
            max_duration_s=entry["max_duration_s"],
            error=entry.get("error", ""),
            is_pinned=entry.get("is_pinned", False),
            memory_mb=entry.get("memory_mb", 0),
            sampling=entry.get("sampling", {}),
            precision=entry.get("precision", ""),
            precision_note=entry.get("precision_note", ""),
            abilities=_abilities(entry.get("abilities")),
            needs_load=entry.get("needs_load", True),
            melody=entry.get("melody", False),
            melody_note=entry.get("melody_note", ""),
            can=entry.get("can", {}),
        )
        for model, entry in entries.items()
    }


def _abilities(entry: dict[str, Any] | None) -> Abilities | None:
    if not entry:
        return None
    return Abilities(entry["good_at"], entry["idea_form"], tuple(map(tuple, entry["idea_parts"])))


def _wait_s(starts: list[int | None], now_ms: int) -> int | None:
    """Return the seconds until a model's last queued job is expected to start; None if that is unknown."""
    if any(start is None for start in starts):
        return None
    return max((max(0, start - now_ms) for start in starts if start is not None), default=0) // 1000
