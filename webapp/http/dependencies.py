"""The dependencies that handlers name, provided once for the whole application."""

from dataclasses import dataclass, field
from typing import TypeAlias

from litestar import Litestar
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.routes import HTTPRoute

from webapp.events import Bus
from webapp.http.streams.sse import StopSignal
from webapp.http.streams.stream_caps import StreamCaps
from webapp.ids import Ids
from webapp.services.accounts.facade import AccountServices
from webapp.services.admin.facade import AdminServices
from webapp.services.container import Services
from webapp.services.library.facade import LibraryServices
from webapp.services.listening.facade import ListeningServices
from webapp.services.models.facade import ModelServices
from webapp.services.queue.facade import QueueServices
from webapp.services.shared.facade import SharedServices
from webapp.services.speech.facade import SpeechServices
from webapp.services.workers.facade import WorkerServices
from webapp.settings import Settings


@dataclass(frozen=True, slots=True)
class Streams:
    """The state shared by one process's open streams: when to end, and how many there may be."""

    caps: StreamCaps
    sounds: StreamCaps
    stop: StopSignal = field(default_factory=StopSignal)


# Made by us and passed on as they are: there is nothing to validate.
InjectedAccounts: TypeAlias = NamedDependency[SkipValidation[AccountServices]]
InjectedAdministration: TypeAlias = NamedDependency[SkipValidation[AdminServices]]
InjectedBus: TypeAlias = NamedDependency[SkipValidation[Bus]]
InjectedIds: TypeAlias = NamedDependency[SkipValidation[Ids]]
InjectedLibrary: TypeAlias = NamedDependency[SkipValidation[LibraryServices]]
InjectedListening: TypeAlias = NamedDependency[SkipValidation[ListeningServices]]
InjectedModels: TypeAlias = NamedDependency[SkipValidation[ModelServices]]
InjectedQueue: TypeAlias = NamedDependency[SkipValidation[QueueServices]]
InjectedSettings: TypeAlias = NamedDependency[SkipValidation[Settings]]
InjectedShared: TypeAlias = NamedDependency[SkipValidation[SharedServices]]
InjectedSpeech: TypeAlias = NamedDependency[SkipValidation[SpeechServices]]
InjectedStreams: TypeAlias = NamedDependency[SkipValidation[Streams]]
InjectedWorkers: TypeAlias = NamedDependency[SkipValidation[WorkerServices]]


def provided(value: object) -> Provide:
    """The same value for every request."""
    return Provide(lambda: value, sync_to_thread=False, use_cache=True)


def dependencies_of(services: Services) -> dict[str, Provide]:
    """The parts of the services by the names that handlers ask for.

    The façade for admins is `administration`: pages call the admin who is signed in `admin`. No name may be
    that of a parameter in an address, which it would hide.
    """
    return {
        "accounts": provided(services.accounts),
        "administration": provided(services.admin),
        "bus": provided(services.bus),
        "new_ids": provided(services.ids),
        "library": provided(services.library),
        "listening": provided(services.listening),
        "models": provided(services.models),
        "queue": provided(services.queue),
        "settings": provided(services.settings),
        "shared": provided(services.shared),
        "speech": provided(services.speech),
        "workers": provided(services.workers),
    }


def resolve_in_sequence(app: Litestar) -> None:
    """Let the dependencies of each handler be resolved one after the other.

    Litestar starts a task group for those that do not need each other. Ours are values that are there
    already: starting the tasks took longer than all the rest of a short answer.
    """
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for _, model in route.route_handler_map.values():
                model.dependency_batches = [{one} for batch in model.dependency_batches for one in batch]
