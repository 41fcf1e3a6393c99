"""The API's jobs and queue: the contract's fields, and extras."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from webapp.api.shared.timestamps import timestamp
from webapp.http.middleware.prefix import public_path
from webapp.policy.generation import MAX_PROMPT_CHARACTERS, MAX_SEED, MIN_DURATION_S, PROMPT_PATTERN
from webapp.policy.queue.job_ids import JOB_ID_RULE
from webapp.policy.queue.job_status import JobStatus
from webapp.services.library.sounds import AUDIO_FORMATS, SoundView
from webapp.services.queue.submissions import Submitted
from webapp.services.queue.views import JobView, QueuedJob, QueueSnapshot

Model = Literal["music", "audio", "magnet"]
SOUND_DELETED = "The sound of this job was deleted"
NO_WORKER = "No running worker can make {model} now; the job waits until one can"
JOB_ID = f"{JOB_ID_RULE}."


class GenerateBody(msgspec.Struct):
    """A request for a sound."""

    prompt: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_PROMPT_CHARACTERS,
            pattern=PROMPT_PATTERN,
            description="What to hear, in any language. Line breaks and tabs become spaces.",
            examples=["calm rain on a tin roof"],
        ),
    ]
    duration: Annotated[
        float, Meta(ge=MIN_DURATION_S, le=180, description="Seconds; your tier may allow fewer.")
    ] = 8
    model: Annotated[Model, Meta(description="`music`, `audio` (sounds) or `magnet` (fast drafts).")] = (
        "music"
    )
    loopable: Annotated[bool, Meta(description="Make the end flow into the start.")] = False
    seed: (
        Annotated[
            int, Meta(ge=0, le=MAX_SEED, description="The same seed gives the same sound; drawn when absent.")
        ]
        | None
    ) = None
    temperature: Annotated[float, Meta(ge=0, le=5)] | None = None
    top_k: Annotated[int, Meta(ge=0, le=2048)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    guidance: Annotated[float, Meta(ge=0, le=20)] | None = None


class SubmittedJob(msgspec.Struct, frozen=True):
    """An accepted job."""

    job_id: Annotated[str, Meta(description=JOB_ID, examples=["a1b2c3d4e5f6"])]
    status: Literal["queued"]
    position: Annotated[int, Meta(ge=1, examples=[3])]
    priority: Annotated[str, Meta(examples=["supporter"])]
    message: Annotated[str, Meta(examples=["Job queued at position 3"])]


def submitted_job(submitted: Submitted) -> SubmittedJob:
    """An accepted job as its submission is answered."""
    return SubmittedJob(
        job_id=submitted.job_id,
        status="queued",
        position=submitted.position,
        priority=submitted.priority,
        message=f"Job queued at position {submitted.position}",
    )


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
    created: str
    created_at: Annotated[str, Meta(description="The same as `created`.")]
    progress: str
    progress_pct: Annotated[int, Meta(ge=0, le=100)]
    position: Annotated[int, Meta(ge=1)]
    reason: Annotated[
        str | None,
        Meta(
            description="Why a waiting job stands there: moved, skipped, starving, loaded, no_worker or tier."
        ),
    ]
    expected_start: str | None


class DetailedQueue(msgspec.Struct, frozen=True):
    """The queue in full."""

    jobs: list[DetailedJob]
    current_job: str | None
    total: int
    paused: bool


class JobStatusBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """One job. Which fields are there depends on its state."""

    job_id: Annotated[str, Meta(description=JOB_ID)]
    status: JobStatus
    model: str
    prompt: str
    duration: float
    priority: str
    loopable: bool
    seed: int
    created: str
    created_at: Annotated[str, Meta(description="The same as `created`.")]
    progress: str
    progress_pct: int
    retry_count: int
    position: int | UnsetType = UNSET
    expected_start: str | UnsetType | None = UNSET
    started: str | UnsetType = UNSET
    completed: str | UnsetType = UNSET
    ended: Annotated[str, Meta(description="When it failed or was cancelled.")] | UnsetType = UNSET
    error: str | UnsetType = UNSET
    # What was made; null once it was deleted.
    audio_url: str | UnsetType | None = UNSET
    spectrogram_url: str | UnsetType | None = UNSET
    generation_id: str | UnsetType | None = UNSET
    quality_score: int | UnsetType | None = UNSET
    quality_reasons: tuple[str, ...] | UnsetType | None = UNSET
    engine: str | UnsetType | None = UNSET
    engine_label: str | UnsetType | None = UNSET
    checkpoint: str | UnsetType | None = UNSET
    license: str | UnsetType | None = UNSET
    sample_rate: int | UnsetType | None = UNSET
    loudness_lufs: float | UnsetType | None = UNSET
    formats: dict[str, str] | UnsetType | None = UNSET
    deleted: (
        Annotated[bool, Meta(description="There, and true, once the sound of a completed job was deleted.")]
        | UnsetType
    ) = UNSET
    message: str | UnsetType = UNSET


class AwaitedJob(JobStatusBody, frozen=True, omit_defaults=True, kw_only=True):
    """A job whose submitter waited: the job as it is then, and what its submission was answered."""

    message: Annotated[str, Meta(examples=["Job queued at position 3"])]


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
        expected_start=_optional(job.expected_start_ms),
    )


def _optional(at_ms: int | None) -> str | None:
    return None if at_ms is None else timestamp(at_ms)


def job_status(job: JobView) -> JobStatusBody:
    """One job with the fields of its state."""
    body = JobStatusBody(
        job_id=job.job_id,
        status=job.status,
        model=job.model,
        prompt=job.prompt,
        duration=job.duration_s,
        priority=job.priority,
        loopable=job.is_loopable,
        seed=job.seed,
        created=timestamp(job.created_ms),
        created_at=timestamp(job.created_ms),
        progress=job.progress,
        progress_pct=job.progress_pct,
        retry_count=job.retry_count,
        started=UNSET if job.started_ms is None else timestamp(job.started_ms),
        error=UNSET if job.error is None else job.error,
    )
    if job.position is not None:
        return msgspec.structs.replace(
            body,
            position=job.position,
            expected_start=_optional(job.expected_start_ms),
            message=NO_WORKER.format(model=job.model) if job.has_no_worker else UNSET,
        )
    moment = "completed" if job.status == "completed" else "ended"
    if job.finished_ms is not None:
        body = msgspec.structs.replace(body, **{moment: timestamp(job.finished_ms)})
    if job.status != "completed":
        return body
    return _without_sound(body) if job.sound is None else _with_sound(body, job.sound)


def awaited_job(job: JobView, submitted: Submitted) -> AwaitedJob:
    """A job whose submitter waited. One that has left the queue shows the place it was accepted at."""
    fields = msgspec.structs.asdict(job_status(job))
    if fields["position"] is UNSET:
        fields["position"] = submitted.position
    return AwaitedJob(**{**fields, "message": submitted_job(submitted).message})


def _without_sound(body: JobStatusBody) -> JobStatusBody:
    """A completed job whose sound was deleted: the fields are there, what they told of is not."""
    return msgspec.structs.replace(
        body,
        audio_url=None,
        spectrogram_url=None,
        generation_id=None,
        quality_score=None,
        quality_reasons=None,
        engine=None,
        engine_label=None,
        checkpoint=None,
        license=None,
        sample_rate=None,
        loudness_lufs=None,
        formats=None,
        deleted=True,
        message=SOUND_DELETED,
    )


def _with_sound(body: JobStatusBody, sound: SoundView) -> JobStatusBody:
    return msgspec.structs.replace(
        body,
        audio_url=public_path(sound.url()),
        spectrogram_url=public_path(sound.spectrogram_url),
        generation_id=sound.generation_id,
        quality_score=sound.quality_score,
        quality_reasons=sound.quality_reasons,
        engine=sound.engine,
        engine_label=sound.engine_label,
        checkpoint=sound.checkpoint or None,
        license=sound.license or None,
        sample_rate=sound.sample_rate,
        loudness_lufs=sound.loudness_lufs,
        formats={extension: public_path(sound.url(extension)) for extension in AUDIO_FORMATS},
    )
