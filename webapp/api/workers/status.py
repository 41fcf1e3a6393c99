"""The state of the service."""

from typing import Annotated, Any

import msgspec
from litestar import Response, get
from msgspec import Meta

from webapp.api.workers.models import can_of
from webapp.http.dependencies import InjectedWorkers
from webapp.http.openapi import describes, problems
from webapp.http.prepared import Prepare
from webapp.policy.generation import MODELS
from webapp.policy.speech import STATUS_MODEL
from webapp.services.workers.abilities import made_models
from webapp.services.workers.status import EngineReport, StatusReport
from webapp.services.workers.workers import WorkerInfo


class Gpu(msgspec.Struct, frozen=True):
    """The graphics processor; null or false where there is none."""

    available: bool
    name: str | None
    memory_used_gb: float | None
    memory_total_gb: float | None
    memory_percent: float | None
    busy: bool


class WorkerStatus(msgspec.Struct, frozen=True):
    """A worker that is alive."""

    id: str
    device: str
    state: str
    makes: Annotated[list[str], Meta(description="The models that it can make.")]


class Status(msgspec.Struct, frozen=True):
    """Models, GPU, workers, and what waits."""

    models: Annotated[
        dict[str, str], Meta(description="ready, loading, unloaded, error or unavailable, by model.")
    ]
    gpu: Gpu
    queue_length: int
    queue_by_model: dict[str, int]
    estimated_wait: Annotated[
        dict[str, int | None],
        Meta(description="Seconds, by model with jobs waiting; null when nothing can be said."),
    ]
    engines: Annotated[
        dict[str, Any],
        Meta(description="What serves each model, and what it takes for settings that are left out."),
    ]
    workers: list[WorkerStatus]
    paused: bool


@get(
    "/status",
    tags=["Status"],
    summary="Models, GPU and queue",
    operation_class=describes(),
    responses=problems(400),
)
async def status(workers: InjectedWorkers) -> Response[Status]:
    """The state of models, GPU, workers and queue."""
    return answer(await workers.status.report())


def _status(report: StatusReport) -> Status:
    return Status(
        models=report.models,
        gpu=Gpu(**report.gpu),
        queue_length=report.queue_length,
        queue_by_model=report.queue_by_model,
        estimated_wait=report.estimated_wait,
        engines={model: _engine(engine) for model, engine in report.engines.items()},
        workers=[_worker(worker) for worker in report.workers],
        paused=report.is_paused,
    )


def _worker(worker: WorkerInfo) -> WorkerStatus:
    every = (STATUS_MODEL,) if worker.kind == "speech" else MODELS
    made = made_models(worker.report)
    makes = [model for model in every if made is None or model in made]
    return WorkerStatus(worker.worker_id, worker.device, worker.state, makes)


def _engine(engine: EngineReport) -> dict[str, Any]:
    return {
        "engine": engine.engine,
        "label": engine.label,
        "checkpoint": engine.checkpoint or None,
        "license": engine.license or None,
        "max_duration": engine.max_duration_s,
        "error": engine.error or None,
        "pinned": engine.is_pinned,
        "memory_mb": engine.memory_mb,
        "sampling": dict(engine.sampling) or None,
        "precision": engine.precision or None,
        "precision_note": engine.precision_note or None,
        "can": can_of(engine.can),
    }


answer = Prepare(_status)
