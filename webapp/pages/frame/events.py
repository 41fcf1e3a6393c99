"""The one stream that an open page follows."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated, Final, TypeAlias

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter, SkipValidation

from webapp.clock import Clock
from webapp.errors import AuthenticationRequired
from webapp.events import Bus
from webapp.http.dependencies import InjectedSettings, InjectedStreams
from webapp.http.middleware.compression import AS_WRITTEN
from webapp.http.requests.client_address import address_of
from webapp.http.streams.sse import EventStream, ServerEvent
from webapp.pages.accounts.authentication import InjectedViewer, InjectedWelcome
from webapp.pages.admin.models import ModelsFeed
from webapp.pages.frame.chrome import LiveView
from webapp.pages.frame.live import Feed, follow
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.rendering import Renderer
from webapp.pages.library.feed import LibraryFeed
from webapp.pages.queue.feed import QueueFeed, SharedQueue
from webapp.pages.queue.filter import QueueFilter, queue_filter
from webapp.pages.queue.generate_feed import GenerateFeed
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity, require_admin
from webapp.services.library.facade import LibraryServices
from webapp.services.models.facade import ModelServices
from webapp.services.queue.facade import QueueServices
from webapp.services.workers.facade import WorkerServices

LAST_EVENT: Final = "last-event-id"
# Later than any state; a database takes it as a number.
MAX_MOMENT_MS: Final = 10**15


@dataclass(frozen=True, slots=True)
class Feeds:
    """Makes what open pages follow, out of whatever any of them may show."""

    clock: Clock
    bus: Bus
    accounts: AccountServices
    queue: QueueServices
    library: LibraryServices
    models: ModelServices
    workers: WorkerServices
    renderer: Renderer
    shared_queue: SharedQueue

    def events(
        self, view: LiveView, viewer: Identity | None, shown: QueueFilter, *, seen_ms: int
    ) -> AsyncGenerator[ServerEvent, None]:
        """Build the feed of a page that shows the state of `seen_ms`.

        Raises AuthenticationRequired and NotAuthorized for a view that is not for this viewer.
        """
        if view == "queue" and viewer is None and shown.is_everything:
            return self.shared_queue.events()
        return follow(self.clock, self.bus, self._feed(view, viewer, shown, seen_ms=seen_ms))

    def _feed(self, view: LiveView, viewer: Identity | None, shown: QueueFilter, *, seen_ms: int) -> Feed:
        if view == "queue":
            return QueueFeed(self.shared_queue, viewer, shown)
        if view == "library":
            return LibraryFeed(self.bus, self.library, viewer, seen_ms)
        if viewer is None:
            raise AuthenticationRequired
        if view == "admin":
            require_admin(viewer)
            return ModelsFeed(self.queue, self.models, self.workers, self.renderer)
        return GenerateFeed(
            self.clock, self.bus, self.accounts, self.queue, self.workers, self.renderer, viewer, seen_ms
        )


InjectedFeeds: TypeAlias = NamedDependency[SkipValidation[Feeds]]


@get("/events", opt={AS_WRITTEN: True})
async def follow_page(
    request: PageRequest,
    settings: InjectedSettings,
    streams: InjectedStreams,
    feeds: InjectedFeeds,
    viewer: InjectedViewer,
    welcome: InjectedWelcome,
    view: FromQuery[LiveView],
    since: Annotated[int, QueryParameter(ge=0, le=MAX_MOMENT_MS)] = 0,
) -> EventStream:
    """Fragments for an open page: the state since `since`, in ms, or since the last event; then changes."""
    account_id = viewer.account_id if viewer else None
    shown = queue_filter(request.query_params, viewer)
    events = feeds.events(view, viewer, shown, seen_ms=_seen_ms(request) or since)
    release = await streams.caps.hold_for(request, account_id, address_of(request, settings))
    return EventStream(events, streams.stop, welcome=welcome, on_close=release)


def _seen_ms(request: PageRequest) -> int:
    """The time of the last state that a reader who reconnects was told, or 0."""
    value = request.headers.get(LAST_EVENT, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) <= 15 else 0
