"""Reads what the pages of the queue show beside the jobs in line."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.pages.queue.charts import Charts, queue_charts
from webapp.pages.queue.contexts import Counts, ModelLine, QueueRow, WorkerLine
from webapp.pages.queue.filter import QueueFilter
from webapp.pages.queue.rows import gone_row, model_lines, queue_counts, worker_lines
from webapp.policy.queue.job_status import UnsuccessfulStatus
from webapp.services.accounts.identity import Identity
from webapp.services.admin.facade import AdminServices
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import QueueSnapshot
from webapp.services.workers.facade import WorkerServices


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of the queue page around the jobs."""

    counts: Counts
    charts: Charts
    models: tuple[ModelLine, ...]
    workers: tuple[WorkerLine, ...]


async def read_surroundings(
    queue: QueueServices, workers: WorkerServices, *, can_steer: bool
) -> Surroundings:
    """Numbers, charts, models and workers, as the public or an admin may see them."""
    snapshot = await queue.reader.snapshot()
    report = await workers.status.report()
    wishes = await workers.control.wishes() if can_steer else ()
    counts = queue_counts(snapshot)
    return Surroundings(
        counts=counts,
        charts=queue_charts(await queue.history.last_hour(), counts.waiting),
        models=model_lines(report, snapshot, frozenset(wish.model for wish in wishes if wish.is_pinned)),
        workers=worker_lines(report.workers, can_steer=can_steer),
    )


async def read_owners(
    administration: AdminServices, viewer: Identity | None, snapshot: QueueSnapshot
) -> dict[int, str]:
    """The owners' names by account, for admins; nothing for anybody else."""
    if viewer is None or not viewer.is_admin:
        return {}
    ids = (job.account_id for job in snapshot.jobs)
    return await administration.overview.owners(viewer, ids)


async def read_gone(
    clock: Clock, administration: AdminServices, viewer: Identity, shown: QueueFilter
) -> tuple[QueueRow, ...]:
    """The jobs that failed or were cancelled, for an admin."""
    status: UnsuccessfulStatus = "failed" if shown.state == "failed" else "cancelled"
    now_ms = clock.now_ms()
    found = await administration.overview.gone(viewer, status)
    return tuple(
        row
        for row in (gone_row(job, viewer, now_ms) for job in found)
        if shown.model in ("", row.model)
        and shown.tier in ("", row.tier)
        and shown.owner.lower() in (row.owner or "").lower()
        and (row.is_own or not shown.mine)
    )
