"""The feed of the queue page."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.clock import Clock
from webapp.events import Bus, Event
from webapp.http.streams.broadcast import Broadcast, Story, Telling
from webapp.http.streams.sse import ServerEvent
from webapp.pages.frame.live import Fragment, list_fragment, message, news
from webapp.pages.frame.rendering import Context, Renderer
from webapp.pages.queue.contexts import (
    OwnJobsFragment,
    QueueChartsFragment,
    QueueCountsFragment,
    QueueModelsFragment,
    QueueRow,
    QueueRowFragment,
    QueueRowsFragment,
    WorkersFragment,
)
from webapp.pages.queue.filter import QueueFilter
from webapp.pages.queue.reading import read_gone, read_owners, read_surroundings
from webapp.pages.queue.rows import queue_row
from webapp.policy.queue.job_status import UNSUCCESSFUL
from webapp.policy.queue.skip_prices import skip_prices
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.admin.facade import AdminServices
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import QueuedJob, QueueSnapshot
from webapp.services.workers.facade import WorkerServices
from webapp.settings import Settings

EVERYTHING: Final = QueueFilter()
# Sees what admins see, and owns nothing.
ANY_ADMIN: Final = Identity(-1, "", "admin", is_admin=True)
CACHED_FRAGMENTS: Final = 2_000
# How long rows of one snapshot serve: they tell of times from now.
FRESH_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class _Nobodys:
    """A snapshot as somebody sees it who owns none of its jobs; `owners` has names by account, for admins."""

    snapshot: QueueSnapshot
    read_ms: int
    owners: Mapping[int, str]
    rows: list[QueueRow]


def own_among_others(rows: Sequence[QueueRow]) -> tuple[QueueRow, ...]:
    """The viewer's own jobs in line, where others stand between them."""
    own = tuple(row for row in rows if row.is_own and row.position is not None)
    return own if len(own) < len(rows) else ()


class SharedQueue:
    """The queue for every open page of this process: what is shown alike is rendered once per change."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        bus: Bus,
        accounts: AccountServices,
        queue: QueueServices,
        workers: WorkerServices,
        administration: AdminServices,
        renderer: Renderer,
    ) -> None:
        self._clock = clock
        self._accounts = accounts
        self._queue = queue
        self._workers = workers
        self._administration = administration
        self._renderer = renderer
        self._prices = skip_prices(settings)
        self._rendered: dict[Context, str] = {}
        # By whether it is an admin who looks.
        self._kept: dict[bool, _Nobodys] = {}
        self._broadcast = Broadcast(bus, self._story)

    def events(self) -> AsyncGenerator[ServerEvent, None]:
        """Return the feed of an unfiltered page without an account."""
        return self._broadcast.events()

    async def rows(self, viewer: Identity | None, shown: QueueFilter) -> tuple[QueueRow, ...]:
        """The jobs as a viewer sees them, those that a filter shows."""
        is_admin = viewer is not None and viewer.is_admin
        if viewer is not None and is_admin and shown.state in UNSUCCESSFUL:
            return await read_gone(self._clock, self._administration, viewer, shown)
        snapshot = await self._queue.reader.snapshot()
        nobodys = await self._nobodys(snapshot, ANY_ADMIN if is_admin else None)
        account_id = viewer.account_id if viewer else None
        balance = await self._accounts.aura.balance(viewer.account_id) if viewer else 0
        return tuple(
            self._row(job, viewer, nobodys.owners, balance) if job.account_id == account_id else row
            for job, row in zip(snapshot.jobs, nobodys.rows, strict=True)
            if shown.is_everything or shown.shows(job, viewer, nobodys.owners.get(job.account_id, ""))
        )

    async def lines(self, viewer: Identity | None, shown: QueueFilter) -> tuple[Fragment, list[Fragment]]:
        """Render the result of `rows`: the viewer's own on top, and all in their order."""
        can_steer = viewer is not None and viewer.is_admin
        rows = await self.rows(viewer, shown)
        own = Fragment("queue-own", self._render(OwnJobsFragment(own_among_others(rows))))
        return own, [
            Fragment(f"queue-job-{row.job_id}", self._render(QueueRowFragment(row, can_steer)))
            for row in rows
        ]

    async def around(self, *, can_steer: bool) -> list[Fragment]:
        """Numbers, charts, models and workers."""
        read = await read_surroundings(self._queue, self._workers, can_steer=can_steer)
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

    async def _nobodys(self, snapshot: QueueSnapshot, viewer: Identity | None) -> "_Nobodys":
        now_ms = self._clock.now_ms()
        kept = self._kept.get(viewer is not None)
        if kept is None or kept.snapshot is not snapshot or now_ms - kept.read_ms >= FRESH_MS:
            owners = await read_owners(self._administration, viewer, snapshot)
            rows = [self._row(job, viewer, owners) for job in snapshot.jobs]
            kept = self._kept[viewer is not None] = _Nobodys(snapshot, now_ms, owners, rows)
        return kept

    def _row(
        self, job: QueuedJob, viewer: Identity | None, owners: Mapping[int, str], balance: int = 0
    ) -> QueueRow:
        now_ms = self._clock.now_ms()
        return queue_row(job, viewer, now_ms, self._prices, owners.get(job.account_id), balance)

    def _render(self, context: Context) -> str:
        """Render a context; the same one is rendered once."""
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
            whole = cache(partial(message, self._clock, feed.whole()))
            return Telling(message(self._clock, found), whole)

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
        own, lines = await self._shared.lines(self._viewer, self._shown)
        around = [*await self._shared.around(can_steer=self._can_steer), own]
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
