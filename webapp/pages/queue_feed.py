"""What the queue page follows."""

from collections.abc import AsyncGenerator, Sequence
from functools import cache, partial
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.events import Event
from webapp.http.broadcast import Broadcast, Story, Telling
from webapp.http.sse import ServerEvent
from webapp.pages.live import Fragment, list_fragment, message, news
from webapp.pages.queue_contexts import (
    QueueChartsFragment,
    QueueCountsFragment,
    QueueModelsFragment,
    QueueRow,
    QueueRowFragment,
    QueueRowsFragment,
    WorkersFragment,
)
from webapp.pages.queue_filter import GONE_STATES, QueueFilter
from webapp.pages.queue_reading import read_gone, read_owners, read_surroundings
from webapp.pages.queue_rows import queue_row
from webapp.pages.rendering import Context, Renderer
from webapp.policy.pricing import skip_prices
from webapp.services.container import Services
from webapp.services.identity import Identity
from webapp.services.views import QueuedJob, QueueSnapshot

EVERYTHING: Final = QueueFilter()
# Sees what admins see, and owns nothing.
ANY_ADMIN: Final = Identity(-1, "", "admin", is_admin=True)
CACHED_FRAGMENTS: Final = 2_000


class SharedQueue:
    """The queue for every open page of this process: what is shown alike is rendered once per change."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer
        self._prices = skip_prices(services.settings)
        self._rendered: dict[Context, str] = {}
        # What the public and what admins see of the newest snapshot: its lines when nobody owns any.
        self._lines: dict[bool, tuple[QueueSnapshot, dict[int, str], list[Fragment]]] = {}
        self._broadcast = Broadcast(services.bus, self._story)

    def events(self) -> AsyncGenerator[ServerEvent, None]:
        """What a page follows that nobody is signed in to, and that shows everything."""
        return self._broadcast.events()

    async def lines(self, viewer: Identity | None, shown: QueueFilter) -> list[Fragment]:
        """The jobs as a viewer sees them, those that a filter shows."""
        can_steer = viewer is not None and viewer.is_admin
        if viewer is not None and can_steer and shown.state in GONE_STATES:
            return [self._line(row, can_steer) for row in await read_gone(self._services, viewer, shown)]
        snapshot = await self._services.queue.snapshot()
        owners, lines = await self._nobodys(snapshot, ANY_ADMIN if can_steer else None)
        account_id = viewer.account_id if viewer else None
        return [
            self._job(job, viewer, owners) if job.account_id == account_id else line
            for job, line in zip(snapshot.jobs, lines, strict=True)
            if shown.is_everything or shown.shows(job, viewer, owners.get(job.account_id, ""))
        ]

    async def around(self, *, can_steer: bool) -> list[Fragment]:
        """Numbers, charts, models and workers."""
        read = await read_surroundings(self._services, can_steer=can_steer)
        contexts: dict[str, Context] = {
            "queue-counts": QueueCountsFragment(read.counts, can_steer),
            "queue-charts": QueueChartsFragment(read.charts),
            "queue-models": QueueModelsFragment(read.models, can_steer),
            "workers": WorkersFragment(read.workers, can_steer),
        }
        return [Fragment(name, self._render(context)) for name, context in contexts.items()]

    def table(self, lines: Sequence[Fragment], shown: QueueFilter, *, can_steer: bool) -> Fragment:
        """All lines in their order."""
        empty = "" if lines else self._render(QueueRowsFragment((), shown, can_steer))
        return list_fragment("queue-rows", lines, when_empty=empty)

    async def _nobodys(
        self, snapshot: QueueSnapshot, viewer: Identity | None
    ) -> tuple[dict[int, str], list[Fragment]]:
        """The owners' names, for admins, and every line as somebody sees it who owns none of them."""
        kept = self._lines.get(viewer is not None)
        if kept is None or kept[0] is not snapshot:
            owners = await read_owners(self._services, viewer, snapshot)
            kept = snapshot, owners, [self._job(job, viewer, owners) for job in snapshot.jobs]
            self._lines[viewer is not None] = kept
        return kept[1], kept[2]

    def _job(self, job: QueuedJob, viewer: Identity | None, owners: dict[int, str]) -> Fragment:
        now_ms = self._services.clock.now_ms()
        row = queue_row(job, viewer, now_ms, self._prices, owners.get(job.account_id))
        return self._line(row, viewer is not None and viewer.is_admin)

    def _line(self, row: QueueRow, can_steer: bool) -> Fragment:
        return Fragment(f"queue-job-{row.job_id}", self._render(QueueRowFragment(row, can_steer)))

    def _render(self, context: Context) -> str:
        """What a context gives; the same one is rendered once."""
        html = self._rendered.get(context)
        if html is None:
            if len(self._rendered) >= CACHED_FRAGMENTS:
                self._rendered.clear()
            html = self._rendered[context] = self._renderer.render(context)
        return html

    def _story(self) -> Story:
        feed = QueueFeed(self)
        told: dict[str, str] = {}

        async def read(_: Sequence[Event]) -> Telling | None:
            found = news(await feed.fragments(), told)
            if not found:
                return None
            whole = cache(partial(message, self._services, feed.whole()))
            return Telling(message(self._services, found), whole)

        return read


InjectedSharedQueue: TypeAlias = NamedDependency[SkipValidation[SharedQueue]]


class QueueFeed:
    """The queue as one viewer sees it, or anybody, under a filter."""

    def __init__(
        self, shared: SharedQueue, viewer: Identity | None = None, shown: QueueFilter = EVERYTHING
    ) -> None:
        self._shared = shared
        self._viewer = viewer
        self._shown = shown
        self._can_steer = viewer is not None and viewer.is_admin
        self._order: list[str] | None = None
        self._whole: list[Fragment] = []

    def note(self, event: Event) -> bool:
        """All jobs are shown, and so are workers and models."""
        return event.topic in {"queue", "job", "status"}

    def take_signals(self) -> tuple[str, ...]:
        """None: the page has no element that asks for itself."""
        return ()

    async def fragments(self) -> list[Fragment]:
        """The lines; the whole table when jobs came, went or changed places."""
        lines = await self._shared.lines(self._viewer, self._shown)
        around = await self._shared.around(can_steer=self._can_steer)
        table = self._shared.table(lines, self._shown, can_steer=self._can_steer)
        self._whole = [*around, table]
        order = [line.element_id for line in lines]
        if order == self._order:
            return around + lines
        self._order = order
        return [*around, table]

    def whole(self) -> list[Fragment]:
        """Everything as of the last call of `fragments`, for a page that has nothing yet."""
        return self._whole
