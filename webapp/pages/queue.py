"""The live queue, open to everybody."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

from litestar import Response, get

from webapp.http.dependencies import InjectedServices
from webapp.pages import words
from webapp.pages.authentication import InjectedViewer
from webapp.pages.chrome import Chrome
from webapp.pages.contexts import Counts, QueuePage, QueueRow, WorkerLine
from webapp.pages.rendering import InjectedRenderer
from webapp.policy.pricing import SkipPrice, skip_cost, skip_prices
from webapp.policy.reasons import PlaceReason
from webapp.services.views import QueuedJob, QueueSnapshot
from webapp.services.workers import WorkerInfo

REASONS: Final[dict[PlaceReason, str]] = {
    "moved": "Moved to the front by an admin",
    "skipped": "Paid to skip ahead",
    "starving": "Has waited long",
    "loaded": "Its model is loaded",
    "tier": "In turn, by tier",
}
WORKER_STATES: Final = {
    "starting": "Starting",
    "idle": "Ready, waiting for work",
    "busy": "Generating",
    "draining": "Draining: takes no more jobs",
    "stopping": "Stopping",
}


@get("/queue")
async def show_queue(
    services: InjectedServices, renderer: InjectedRenderer, viewer: InjectedViewer
) -> Response[Any]:
    """The whole queue in order."""
    snapshot = await services.queue.snapshot()
    workers = await services.workers.alive()
    account_id = viewer.account_id if viewer else None
    return renderer.page(
        QueuePage(
            chrome=Chrome("queue", viewer, live="queue"),
            rows=queue_rows(snapshot, account_id, services.clock.now_ms(), skip_prices(services.settings)),
            counts=queue_counts(snapshot),
            workers=worker_lines(workers),
        )
    )


def queue_rows(
    snapshot: QueueSnapshot, account_id: int | None, now_ms: int, prices: Sequence[SkipPrice]
) -> tuple[QueueRow, ...]:
    """The queue as one account sees it, or nobody in particular."""
    return tuple(queue_row(job, account_id, now_ms, prices) for job in snapshot.jobs)


def queue_row(job: QueuedJob, account_id: int | None, now_ms: int, prices: Sequence[SkipPrice]) -> QueueRow:
    """One line of it."""
    is_own = job.account_id == account_id
    return QueueRow(
        job_id=job.job_id,
        position=job.position,
        status=job.status,
        model=job.model,
        duration_s=job.duration_s,
        tier=job.tier,
        created_ms=job.created_ms,
        progress_pct=job.progress_pct,
        expected_start="started"
        if job.status == "processing"
        else words.until(job.expected_start_ms, now_ms),
        reason=REASONS[job.reason] if job.reason else "Being generated",
        is_own=is_own,
        is_skipped=job.priority == "skipped",
        skip_cost=skip_cost(job.duration_s, prices),
        prompt=job.prompt if is_own else None,
    )


def queue_counts(snapshot: QueueSnapshot) -> Counts:
    """The numbers above the queue."""
    waiting = [job.model for job in snapshot.jobs if job.status == "queued"]
    return Counts(
        processing=len(snapshot.jobs) - len(waiting),
        waiting=len(waiting),
        waiting_by_model=tuple(sorted(Counter(waiting).items())),
        is_paused=snapshot.is_paused,
    )


def worker_lines(workers: Iterable[WorkerInfo]) -> tuple[WorkerLine, ...]:
    """The workers in the order in which they started."""
    return tuple(
        WorkerLine(number, worker.device, WORKER_STATES[worker.state])
        for number, worker in enumerate(workers, 1)
    )
