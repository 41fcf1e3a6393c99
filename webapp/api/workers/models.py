"""The models, and what each of them can do."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from litestar import Response, get
from msgspec import Meta

from webapp.http.dependencies import InjectedWorkers
from webapp.http.openapi import describes, problems
from webapp.http.prepared import Prepare
from webapp.policy.generation import MODELS
from webapp.services.workers.status import EngineReport, StatusReport


class Can(msgspec.Struct, frozen=True, rename={"continues": "continue"}):
    """The abilities of a model. A request for more is refused with 400."""

    text: Annotated[bool, Meta(description="Make a sound of a prompt.")]
    continues: Annotated[bool, Meta(description="Continue a sound: `continue_from`.")]
    melody: Annotated[bool, Meta(description="Take the melody of a sound.")]
    stream: Annotated[bool, Meta(description="Give the sound in pieces while it is made.")]
    takes: Annotated[int, Meta(description="The most takes of one request.")]
    longest: Annotated[float, Meta(description="Seconds of its longest sound; your tier may allow fewer.")]


class ModelEntry(msgspec.Struct, frozen=True):
    """A model as it is served now."""

    name: Annotated[str, Meta(examples=["music"])]
    state: Annotated[str, Meta(description="ready, loading, unloaded, error or unavailable.")]
    engine: Annotated[str | None, Meta(description="What serves it; null where nothing does.")]
    label: str | None
    checkpoint: str | None
    license: str | None
    can: Annotated[Can | None, Meta(description="null while nothing serves the model.")]


class Models(msgspec.Struct, frozen=True):
    """All models."""

    models: list[ModelEntry]


@get(
    "/api/models",
    tags=["Status"],
    summary="Models and what they can do",
    operation_class=describes(),
    responses=problems(400),
)
async def models(workers: InjectedWorkers) -> Response[Models]:
    """The engine that serves each model now, and its abilities."""
    return answer(await workers.status.report())


def can_of(reported: Mapping[str, bool | float]) -> Can | None:
    """The abilities that an engine reports; None where it reports nothing."""
    if not reported:
        return None
    return Can(
        text=bool(reported["text"]),
        continues=bool(reported["continue"]),
        melody=bool(reported["melody"]),
        stream=bool(reported["stream"]),
        takes=int(reported["takes"]),
        longest=float(reported["longest"]),
    )


def _models(report: StatusReport) -> Models:
    return Models([_entry(name, report.models[name], report.engines.get(name)) for name in MODELS])


def _entry(name: str, state: str, engine: EngineReport | None) -> ModelEntry:
    if engine is None or not engine.engine:
        return ModelEntry(name, state, None, None, None, None, None)
    return ModelEntry(
        name, state, engine.engine, engine.label, engine.checkpoint or None, engine.license or None,
        can_of(engine.can),
    )  # fmt: skip


answer = Prepare(_models)
