"""Provides ElevenLabs' handlers with the means to wait for jobs and to listen to them."""

from typing import Any, Final, TypeAlias

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from webapp.api.accounts.authentication import (
    KEY_AUTHENTICATION,
    InjectedAddress,
    InjectedIdentity,
    Reader,
    sent_token,
    welcome_of,
)
from webapp.api.queue.following import Follower
from webapp.api.queue.listening import Ear
from webapp.http.dependencies import (
    InjectedAccounts,
    InjectedBus,
    InjectedLibrary,
    InjectedListening,
    InjectedQueue,
    InjectedStreams,
)

AnyRequest = Request[Any, Any, Any]


def provide_follower(
    request: AnyRequest,
    bus: InjectedBus,
    accounts: InjectedAccounts,
    queue: InjectedQueue,
    streams: InjectedStreams,
    identity: InjectedIdentity,
    address: InjectedAddress,
) -> Follower:
    """Return what waits for a job on this connection."""
    welcome = welcome_of(sent_token(request), bus, accounts, identity)
    return Follower(request, bus, queue, streams, identity, address, welcome)


def provide_vendor_ear(
    request: AnyRequest,
    bus: InjectedBus,
    accounts: InjectedAccounts,
    queue: InjectedQueue,
    library: InjectedLibrary,
    listening: InjectedListening,
    identity: InjectedIdentity,
) -> Ear:
    """Return what listens to a job on this connection."""
    welcome = welcome_of(sent_token(request), bus, accounts, identity)
    return Ear(bus, queue, library, listening, Reader(identity, welcome))


InjectedVendorEar: TypeAlias = NamedDependency[SkipValidation[Ear]]
InjectedFollower: TypeAlias = NamedDependency[SkipValidation[Follower]]
WAITING: Final = {
    **KEY_AUTHENTICATION,
    "follower": Provide(provide_follower, sync_to_thread=False),
    "ear": Provide(provide_vendor_ear, sync_to_thread=False),
}
