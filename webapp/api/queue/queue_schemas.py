"""The queue in the API: in short, and in full."""

from typing import Annotated

import msgspec
from msgspec import Meta

from webapp.api.queue.schemas import JOB_ID
from webapp.api.shared.timestamps import Moment, timestamp
from webapp.policy.queue.job_status import JobStatus
from webapp.services.queue.views import QueuedJob, QueueSnapshot


class PublicJob(msgspec.Struct, frozen=True):
    """An active job as `/queue-status` shows it."""

    id: Annotated[str, Meta(description=JOB_ID)]
    status: JobStatus
    model: str
    priority: Annotated[str, Meta(description="The tier, `admin`, or `skipped`.")]
    position: Annotated[int, Meta(ge=1)]


class QueueStatus(msgspec.Struct, frozen=True):
    """The queue in short."""

    queue_length: Annotated[int, Meta(description="Jobs queued and processing.")]
    current_job: Annotated[str | None, Meta(description="The job that has been processing longest.")]
    jobs: list[PublicJob]


class DetailedJob(msgspec.Struct, frozen=True):
    """An active job as the queue explorer shows it."""

    id: Annotated[str, Meta(description=JOB_ID)]
    status: JobStatus
    model: str
    duration: float
    priority: str
    created: Moment
    created_at: Annotated[Moment, Meta(description="The same as `created`.")]
    progress: str
    progress_pct: Annotated[int, Meta(ge=0, le=100)]
    position: Annotated[int, Meta(ge=1)]
    reason: Annotated[
        str | None,
        Meta(
            description="Why a waiting job stands there: moved, skipped, starving, loaded, no_worker or tier."
        ),
    ]
    expected_start: Moment | None


class DetailedQueue(msgspec.Struct, frozen=True):
    """The queue in full."""

    jobs: list[DetailedJob]
    current_job: str | None
    total: int
    paused: bool


def queue_status(snapshot: QueueSnapshot) -> QueueStatus:
    """The queue as `/queue-status` shows it."""
    return QueueStatus(
        queue_length=len(snapshot.jobs),
        current_job=snapshot.current_job,
        jobs=[
            PublicJob(job.job_id, job.status, job.model, job.priority, job.position) for job in snapshot.jobs
        ],
    )


def detailed_queue(snapshot: QueueSnapshot) -> DetailedQueue:
    """The queue as `/api/queue` shows it."""
    return DetailedQueue(
        jobs=[_detailed_job(job) for job in snapshot.jobs],
        current_job=snapshot.current_job,
        total=len(snapshot.jobs),
        paused=snapshot.is_paused,
    )


def _detailed_job(job: QueuedJob) -> DetailedJob:
    return DetailedJob(
        id=job.job_id,
        status=job.status,
        model=job.model,
        duration=job.duration_s,
        priority=job.priority,
        created=timestamp(job.created_ms),
        created_at=timestamp(job.created_ms),
        progress=job.progress,
        progress_pct=job.progress_pct,
        position=job.position,
        reason=job.reason,
        expected_start=None if job.expected_start_ms is None else timestamp(job.expected_start_ms),
    )
