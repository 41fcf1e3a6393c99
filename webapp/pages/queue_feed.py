"""What the queue page follows."""

from collections.abc import AsyncGenerator, Sequence
from functools import cache, partial
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.events import Event
from webapp.http.broadcast import Broadcast, Story, Telling
from webapp.http.sse import ServerEvent
from webapp.pages.contexts import (
    QueueCountsFragment,
    QueueRow,
    QueueRowFragment,
    QueueRowsFragment,
    WorkersFragment,
)
from webapp.pages.live import Fragment, list_fragment, message, news
from webapp.pages.queue import queue_counts, queue_row, worker_lines
from webapp.pages.rendering import Renderer
from webapp.policy.pricing import skip_prices
from webapp.services.container import Services
from webapp.services.views import QueuedJob, QueueSnapshot

CACHED_ROWS: Final = 1_000


class SharedQueue:
    """The queue for every open page of this process: what all see alike is rendered once per change."""

    def __init__(self, services: Services, renderer: Renderer) -> None:
        self._services = services
        self._renderer = renderer
        self._prices = skip_prices(services.settings)
        self._rendered: dict[QueueRow, str] = {}
        self._lines: tuple[QueueSnapshot, list[Fragment]] | None = None
        self._broadcast = Broadcast(services.bus, self._story)

    def events(self) -> AsyncGenerator[ServerEvent, None]:
        """What a page follows that nobody is signed in to."""
        return self._broadcast.events()

    async def snapshot(self) -> QueueSnapshot:
        return await self._services.queue.snapshot()

    def lines(self, snapshot: QueueSnapshot, account_id: int | None) -> list[Fragment]:
        """The queue's lines as an account sees them; None is anybody."""
        if self._lines is None or self._lines[0] is not snapshot:
            self._lines = snapshot, [self._line(job, None) for job in snapshot.jobs]
        lines = list(self._lines[1])
        for place, job in enumerate(snapshot.jobs):
            if job.account_id == account_id:
                lines[place] = self._line(job, account_id)
        return lines

    def counts(self, snapshot: QueueSnapshot) -> Fragment:
        return Fragment("queue-counts", self._renderer.render(QueueCountsFragment(queue_counts(snapshot))))

    async def workers(self) -> Fragment:
        lines = worker_lines(await self._services.workers.alive())
        return Fragment("workers", self._renderer.render(WorkersFragment(lines)))

    def table(self, lines: Sequence[Fragment]) -> Fragment:
        """All lines in their order."""
        empty = "" if lines else self._renderer.render(QueueRowsFragment(()))
        return list_fragment("queue-rows", lines, when_empty=empty)

    def _line(self, job: QueuedJob, account_id: int | None) -> Fragment:
        row = queue_row(job, account_id, self._services.clock.now_ms(), self._prices)
        html = self._rendered.get(row)
        if html is None:
            if len(self._rendered) >= CACHED_ROWS:
                self._rendered.clear()
            html = self._rendered[row] = self._renderer.render(QueueRowFragment(row))
        return Fragment(f"queue-job-{row.job_id}", html)

    def _story(self) -> Story:
        feed = QueueFeed(self, None)
        told: dict[str, str] = {}

        async def read(hints: Sequence[Event]) -> Telling | None:
            for hint in hints:
                feed.note(hint)
            found = news(await feed.fragments(), told)
            if not found:
                return None
            whole = cache(partial(message, self._services, feed.whole()))
            return Telling(message(self._services, found), whole)

        return read


InjectedSharedQueue: TypeAlias = NamedDependency[SkipValidation[SharedQueue]]


class QueueFeed:
    """The queue as one viewer sees it, or anybody."""

    def __init__(self, shared: SharedQueue, account_id: int | None) -> None:
        self._shared = shared
        self._account_id = account_id
        self._order: list[str] | None = None
        self._lines: list[Fragment] = []
        self._around: dict[str, Fragment] = {}
        self._workers_may_differ = True

    def note(self, event: Event) -> bool:
        """Every hint matters: all jobs are shown, and so are the workers."""
        self._workers_may_differ |= event.topic == "status"
        return True

    def take_signals(self) -> tuple[str, ...]:
        """None: the page has no element that asks for itself."""
        return ()

    async def fragments(self) -> list[Fragment]:
        """The lines; the whole table when jobs came, went or changed places."""
        snapshot = await self._shared.snapshot()
        self._lines = self._shared.lines(snapshot, self._account_id)
        around = [self._shared.counts(snapshot)]
        if self._workers_may_differ:
            self._workers_may_differ = False
            around.append(await self._shared.workers())
        self._around.update((fragment.element_id, fragment) for fragment in around)
        order = [line.element_id for line in self._lines]
        if order == self._order:
            return around + self._lines
        self._order = order
        return [*around, self._shared.table(self._lines)]

    def whole(self) -> list[Fragment]:
        """Everything as of the last call of `fragments`, for a page that has nothing yet."""
        return [*self._around.values(), self._shared.table(self._lines)]
