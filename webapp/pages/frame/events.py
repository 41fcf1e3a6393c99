"""The one stream that an open page follows."""

from typing import Annotated, Final

from litestar import get
from litestar.params import FromQuery, QueryParameter

from webapp.errors import AuthenticationRequired
from webapp.http.client_address import address_of
from webapp.http.compression import AS_WRITTEN
from webapp.http.dependencies import InjectedServices, InjectedStreams
from webapp.http.sse import EventStream
from webapp.pages.accounts.authentication import InjectedViewer, session_welcome
from webapp.pages.admin.models import ModelsFeed
from webapp.pages.frame.chrome import LiveView
from webapp.pages.frame.live import Feed, follow
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.rendering import InjectedRenderer, Renderer
from webapp.pages.library.feed import LibraryFeed
from webapp.pages.queue.feed import InjectedSharedQueue, QueueFeed
from webapp.pages.queue.filter import queue_filter
from webapp.pages.queue.generate_feed import GenerateFeed
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.container import Services

LAST_EVENT: Final = "last-event-id"
# Later than any state; a database takes it as a number.
MAX_MOMENT_MS: Final = 10**15


@get("/events", opt={AS_WRITTEN: True})
async def follow_page(
    request: PageRequest,
    services: InjectedServices,
    renderer: InjectedRenderer,
    streams: InjectedStreams,
    shared_queue: InjectedSharedQueue,
    viewer: InjectedViewer,
    view: FromQuery[LiveView],
    since: Annotated[int, QueryParameter(ge=0, le=MAX_MOMENT_MS)] = 0,
) -> EventStream:
    """Fragments for an open page: the state since `since`, in ms, or since the last event; then changes."""
    account_id = viewer.account_id if viewer else None
    shown = queue_filter(request.query_params, viewer)
    if view == "queue" and viewer is None and shown.is_everything:
        release = streams.caps.hold_for(request, None, address_of(request, services.settings))
        return EventStream(shared_queue.events(), streams.stop, on_close=release)
    seen_ms = _seen_ms(request) or since
    feed = (
        QueueFeed(shared_queue, viewer, shown)
        if view == "queue"
        else _feed(view, services, renderer, viewer, seen_ms=seen_ms)
    )
    welcome = session_welcome(request, services, viewer)
    release = streams.caps.hold_for(request, account_id, address_of(request, services.settings))
    return EventStream(follow(services, feed), streams.stop, welcome=welcome, on_close=release)


def _feed(
    view: LiveView,
    services: Services,
    renderer: Renderer,
    viewer: Identity | None,
    *,
    seen_ms: int,
) -> Feed:
    if view == "library":
        return LibraryFeed(services, viewer, seen_ms)
    if viewer is None:
        raise AuthenticationRequired
    if view == "admin":
        require_admin(viewer)
        return ModelsFeed(services, renderer)
    return GenerateFeed(services, renderer, viewer, seen_ms)


def _seen_ms(request: PageRequest) -> int:
    """The time of the last state that a reader who reconnects was told, or 0."""
    value = request.headers.get(LAST_EVENT, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 15 else 0
