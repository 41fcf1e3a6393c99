"""Everything that the templates of the queue can be given, for the tests of all templates."""

import dataclasses
from collections.abc import Iterator
from typing import Any

from webapp.clock import ManualClock
from webapp.pages.frame.chrome import Chrome
from webapp.pages.queue.charts import queue_charts
from webapp.pages.queue.contexts import (
    Counts,
    ModelLine,
    OwnJobsFragment,
    QueueChartsFragment,
    QueueCountsFragment,
    QueueModelsFragment,
    QueuePage,
    QueueRow,
    QueueRowFragment,
    QueueRowsFragment,
    UndoToast,
    WorkerLine,
    WorkersFragment,
)
from webapp.pages.queue.filter import QueueFilter
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.history import Span
from webapp.policy.queue.job_actions import ADMIN_ACTIONS
from webapp.services.accounts.identity import Identity

NOW_MS = ManualClock().now_ms()
ADA = Identity(1, "ada", "creator", is_admin=False)
ROOT = Identity(2, "root", "admin", is_admin=True)
LONG = "سلام 🌧️ <b>&\"' " + "w" * 600

OWN = QueueRow(
    "a1b2c3d4e5f6", 4, "queued", "music", 8.0, "free", NOW_MS, 0, "in 5 s", "In turn", is_own=True,
    skip_place=1, skip_cost=3, prompt=LONG, balance=45,
)  # fmt: skip
ROWS = (
    OWN,
    dataclasses.replace(OWN, job_id="1" * 12, is_own=False, prompt=None),
    dataclasses.replace(OWN, job_id="4" * 12, sure_start_ms=NOW_MS, starves_ms=NOW_MS, variation="B"),
    dataclasses.replace(OWN, job_id="2" * 12, status="processing", progress_pct=30, is_audible=True),
    dataclasses.replace(
        OWN, job_id="3" * 12, skip_place=None, start=Start(NOW_MS, NOW_MS, NOW_MS + 60_000, is_bounded=True)
    ),
)
STEERED = tuple(dataclasses.replace(row, prompt=LONG, owner="ada", actions=ADMIN_ACTIONS) for row in ROWS)
GONE = (dataclasses.replace(STEERED[0], position=None, status="failed", owner=None, actions=()),)
COUNTS = Counts(1, 2, (("music", 2),), is_paused=True)
MODELS = (
    ModelLine("music", "ready", "sketch", 2, 1, "in 12 s", NOW_MS, is_pinned=True, memory_bytes=4 * 10**9),
    ModelLine("magnet", "error", "sketch", 1, 0, "", error=LONG),
    ModelLine("audio", "unavailable", "", 0, 0, ""),
)
WORKERS = (
    WorkerLine(
        1,
        "cuda:0",
        "busy",
        "Generating",
        "Music loaded",
        "H100, 4.2 of 80 GB",
        5.2,
        "1" * 12,
        "host, process 7",
    ),
    WorkerLine(2, "", "draining", "Draining"),
)
QUIET = queue_charts(tuple(Span(NOW_MS + n, 0, 0, None, None) for n in range(30)), 0)
BUSY = queue_charts(tuple(Span(NOW_MS + n, n, n, 1.5 * n, 2.0 * n) for n in range(1, 31)), 30)


def samples() -> Iterator[Any]:
    for viewer in (ADA, ROOT, None):
        chrome = Chrome("queue", viewer, live="queue", live_query="state=queued&model=music")
        steers = viewer is ROOT
        for rows, shown in (
            (STEERED if steers else ROWS, QueueFilter()),
            (GONE, QueueFilter(state="failed", owner="<b>&", mine="1", tier="free")),
            ((), QueueFilter(state="processing", model="audio")),
        ):
            yield QueuePage(
                chrome, rows, (OWN,) if rows else (), shown, COUNTS, BUSY, MODELS, WORKERS, steers
            )
        calm = dataclasses.replace(COUNTS, is_paused=False)
        yield QueuePage(chrome, (), (), QueueFilter(), calm, QUIET, MODELS, (), steers)
    for steers in (False, True):
        yield from (QueueRowFragment(row, steers) for row in STEERED)
        for shown in (QueueFilter(), QueueFilter(state="failed"), QueueFilter(model="audio")):
            yield QueueRowsFragment((), shown, steers)
        yield QueueRowsFragment(STEERED, QueueFilter(), steers)
        yield QueueCountsFragment(COUNTS, steers)
        yield QueueModelsFragment(MODELS, steers)
        yield WorkersFragment(WORKERS, steers)
        yield WorkersFragment((), steers)
    yield QueueChartsFragment(QUIET)
    yield QueueChartsFragment(queue_charts((), 0))
    yield OwnJobsFragment((OWN, ROWS[2]))
    yield OwnJobsFragment(())
    yield UndoToast(LONG, "restore", ("1" * 12, "2" * 12))
    yield UndoToast("Queue paused", None, ())
