"""What the queue page follows."""

import asyncio
from typing import Final, TypeAlias

from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.events import Event
from webapp.pages.contexts import (
    QueueCountsFragment,
    QueueRow,
    QueueRowFragment,
    QueueRowsFragment,
    WorkersFragment,
)
from webapp.pages.live import Fragment, list_fragment
from webapp.pages.queue import queue_counts, queue_rows, worker_lines
from webapp.pages.rendering import Renderer
from webapp.policy.pricing import skip_prices
from webapp.services.container import Services
from webapp.services.queue import QueueReader
from webapp.services.views import QueueSnapshot

FRESH_FOR_S: Final = 0.08
CACHED_ROWS: Final = 1_000


class SharedQueue:
    """The queue for every open page of this process: read once, rendered once, however many look.

    A reading serves everybody who asks within 80 ms. Readers wait longer than that after a hint, so
    what they get was read after the change that they were told of.
    """

    def __init__(self, queue: QueueReader, renderer: Renderer, *, fresh_for_s: float = FRESH_FOR_S) -> None:
        self._queue = queue
        self._renderer = renderer
        self._fresh_for_s = fresh_for_s
        self._reading: asyncio.Task[QueueSnapshot] | None = None
        self._read_at = 0.0
        self._rows: dict[QueueRow, str] = {}

    async def snapshot(self) -> QueueSnapshot:
        """The queue, at most 80 ms old when asked for."""
        now = asyncio.get_running_loop().time()
        if self._reading is None or now - self._read_at >= self._fresh_for_s:
            self._read_at = now
            self._reading = asyncio.create_task(self._queue.snapshot())
        # One reader who leaves must not take the reading away from the others.
        return await asyncio.shield(self._reading)

    def row(self, row: QueueRow) -> str:
        """The markup of a line of the queue."""
        html = self._rows.get(row)
        if html is None:
            if len(self._rows) >= CACHED_ROWS:
                self._rows.clear()
            html = self._rows[row] = self._renderer.render(QueueRowFragment(row))
        return html


InjectedSharedQueue: TypeAlias = NamedDependency[SkipValidation[SharedQueue]]


class QueueFeed:
    """The queue as one viewer sees it."""

    def __init__(
        self, services: Services, renderer: Renderer, shared: SharedQueue, account_id: int | None
    ) -> None:
        self._services = services
        self._renderer = renderer
        self._shared = shared
        self._account_id = account_id
        self._prices = skip_prices(services.settings)
        self._order: list[str] | None = None
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
        rows = queue_rows(snapshot, self._account_id, self._services.clock.now_ms(), self._prices)
        order = [row.job_id for row in rows]
        lines = [Fragment(f"queue-job-{row.job_id}", self._shared.row(row)) for row in rows]
        fragments = await self._around(snapshot)
        if order == self._order:
            return fragments + lines
        self._order = order
        empty = "" if rows else self._renderer.render(QueueRowsFragment(()))
        return [*fragments, list_fragment("queue-rows", lines, when_empty=empty)]

    async def _around(self, snapshot: QueueSnapshot) -> list[Fragment]:
        counts = QueueCountsFragment(queue_counts(snapshot))
        fragments = [Fragment("queue-counts", self._renderer.render(counts))]
        if self._workers_may_differ:
            self._workers_may_differ = False
            workers = WorkersFragment(worker_lines(await self._services.workers.alive()))
            fragments.append(Fragment("workers", self._renderer.render(workers)))
        return fragments
