"""Endless play of the library, and what this server is."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, get
from litestar.di import NamedDependency, Provide
from litestar.params import QueryParameter, SkipValidation
from msgspec import Meta

from webapp import __version__
from webapp.api.library.schemas import LibraryItemBody
from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedShared
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import RATE_LIMITS, describes, problems
from webapp.http.requests.query import only
from webapp.http.requests.searches import count_search
from webapp.policy.generation import MODELS
from webapp.policy.library.fields import LibraryModel, LibraryQuery
from webapp.services.library.sounds import AUDIO_FORMATS

AnyRequest = Request[Any, Any, Any]
MOST_TRACKS: Final = 50
MOST_EXCLUDED: Final = 50


class RadioTracks(msgspec.Struct, frozen=True):
    """Published sounds in random order."""

    tracks: list[LibraryItemBody]
    total: Annotated[int, Meta(description="How many tracks are here.")]


class Manifest(msgspec.Struct, frozen=True):
    """The description of this server, and the way to the rest."""

    name: Annotated[str, Meta(examples=["Soundloom"])]
    version: str
    description: str
    openapi: Annotated[str, Meta(examples=["/schema/openapi.json"])]
    docs: Annotated[str, Meta(examples=["/docs"])]
    models: tuple[str, ...]
    formats: tuple[str, ...]
    endpoints: dict[str, str]


def provide_station(
    model: Annotated[LibraryModel | None, QueryParameter(description="Only sounds of this model.")] = None,
    search: Annotated[str | None, QueryParameter(description="Only what this search finds.")] = None,
    q: Annotated[str | None, QueryParameter(description="The same as `search`.")] = None,
) -> LibraryQuery:
    """Return what is to be played."""
    return LibraryQuery(model=model, search=(search or q or "").strip() or None)


@get(
    "/api/radio/shuffle",
    tags=["Library"],
    summary="Published sounds at random",
    before_request=only("model", "search", "q", "count", "exclude"),
    dependencies={"station": Provide(provide_station, sync_to_thread=False)},
    operation_class=describes(gives=RATE_LIMITS),
    responses=problems(400, 429),
)
async def shuffle(
    request: AnyRequest,
    library: InjectedLibrary,
    settings: InjectedSettings,
    shared: InjectedShared,
    station: NamedDependency[SkipValidation[LibraryQuery]],
    count: Annotated[int, QueryParameter(ge=1, le=MOST_TRACKS, description="How many at most.")] = 10,
    exclude: Annotated[
        str | None,
        QueryParameter(description="Ids that are not wanted again, with commas; the first 50 count."),
    ] = None,
) -> RadioTracks:
    """Each sound once in an answer; with `exclude`, play goes on without repeats."""
    count_search(request, settings, shared, station)
    excluded = (exclude or "").split(",")[:MOST_EXCLUDED]
    found = await library.radio.shuffled(station, count, frozenset(filter(None, excluded)))
    return RadioTracks([LibraryItemBody.of(item, None) for item in found], len(found))


@get(
    "/api/manifest",
    tags=["Status"],
    summary="What this server is",
    before_request=only(),
    operation_class=describes(),
    responses=problems(400),
)
async def manifest() -> Manifest:
    """Name, version, and where things are."""
    paths = {
        "generate": "/generate",
        "job": "/job/{job_id}",
        "speech": "/api/tts/generate",
        "voices": "/api/voices",
        "library": "/api/library",
        "radio": "/api/radio/shuffle",
        "status": "/status",
        "queue": "/api/queue",
    }
    return Manifest(
        name="Soundloom",
        version=__version__,
        description="Type what you want to hear, wait in a fair queue, keep the sound.",
        openapi=public_path("/schema/openapi.json"),
        docs=public_path("/docs"),
        models=(*MODELS, "voice"),
        formats=AUDIO_FORMATS,
        endpoints={name: public_path(path) for name, path in paths.items()},
    )
