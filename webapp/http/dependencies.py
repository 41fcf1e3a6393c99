"""The dependencies that handlers name, provided once for the whole application."""

from dataclasses import dataclass, field
from typing import TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.http.sse import StopSignal
from webapp.http.stream_caps import StreamCaps
from webapp.services.container import Services


@dataclass(frozen=True, slots=True)
class Streams:
    """The state shared by one process's open streams: when to end, and how many there may be."""

    stop: StopSignal = field(default_factory=StopSignal)
    caps: StreamCaps = field(default_factory=StreamCaps)


# Made by us and passed on as they are: there is nothing to validate.
InjectedServices: TypeAlias = NamedDependency[SkipValidation[Services]]
InjectedStreams: TypeAlias = NamedDependency[SkipValidation[Streams]]
