"""The API's jobs and queue: the contract's fields, and extras."""

from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from webapp.api.shared.examples import CONTINUED_ID
from webapp.api.shared.timestamps import Moment, timestamp
from webapp.http.middleware.prefix import public_path
from webapp.policy.continuations import MIN_KEPT_S
from webapp.policy.generation import (
    MAX_PROMPT_CHARACTERS,
    MAX_SEED,
    MAX_TAKES,
    MIN_DURATION_S,
    PROMPT_PATTERN,
)
from webapp.policy.queue.job_ids import JOB_ID_RULE
from webapp.policy.queue.job_status import JobStatus
from webapp.services.library.sounds import AUDIO_FORMATS, SoundView
from webapp.services.queue.submissions import Submitted
from webapp.services.queue.views import JobView

Model = Literal["music", "audio", "magnet"]
SOUND_DELETED = "The sound of this job was deleted"
NO_WORKER = "No running worker can make {model} now; the job waits until one can"
JOB_ID = f"{JOB_ID_RULE}."


class ContinueFrom(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """The sound that another one continues: exactly one of `generation_id` and `upload_id`."""

    generation_id: (
        Annotated[str, Meta(description="A sound of the library that you may see.", examples=[CONTINUED_ID])]
        | None
    ) = None
    upload_id: Annotated[str, Meta(description="A sound that you sent in.")] | None = None
    from_s: (
        Annotated[
            float, Meta(ge=MIN_KEPT_S, description="The second from which it goes on; its end when absent.")
        ]
        | None
    ) = None


class SourceBody(msgspec.Struct):
    """A sound to work from: exactly one of the two."""

    upload_id: (
        Annotated[str, Meta(description="A sound that you sent in.", examples=["0c9d5f1d7a84db00d2fc"])]
        | None
    ) = None
    generation_id: (
        Annotated[
            str,
            Meta(description="A sound of the library that you may see.", examples=["0123456789abcdef0123"]),
        ]
        | None
    ) = None


class GenerateBody(msgspec.Struct):
    """A request for a sound.

    With `continue_from`, a prompt or a model that is left out is that of the sound which is continued.
    `duration` is then the length of the whole: the sound up to there, and what follows.
    """

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
    continue_from: ContinueFrom | None = None
    melody_from: Annotated[SourceBody, Meta(description="The sound whose melody to follow.")] | None = None
    takes: (
        Annotated[
            int,
            Meta(
                ge=1,
                le=MAX_TAKES,
                description=(
                    "So many jobs with seeds of their own, accepted or refused together; each counts."
                    " With `seed`, the seeds count up from it."
                ),
            ),
        ]
        | None
    ) = None


class AcceptedTake(msgspec.Struct, frozen=True):
    """One of the jobs that a request with `takes` became."""

    job_id: Annotated[str, Meta(description=JOB_ID, examples=["a1b2c3d4e5f6"])]
    status: Literal["queued"]
    position: Annotated[int, Meta(ge=1, examples=[3])]
    priority: Annotated[str, Meta(examples=["supporter"])]


AcceptedTakes = Annotated[
    list[AcceptedTake],
    Meta(description="All jobs of the request, the first included. There where `takes` was asked for."),
]


class SubmittedJob(msgspec.Struct, frozen=True, omit_defaults=True):
    """An accepted job; of several takes, the first."""

    job_id: Annotated[str, Meta(description=JOB_ID, examples=["a1b2c3d4e5f6"])]
    status: Literal["queued"]
    position: Annotated[int, Meta(ge=1, examples=[3])]
    priority: Annotated[str, Meta(examples=["supporter"])]
    message: Annotated[str, Meta(examples=["Job queued at position 3"])]
    success: bool
    jobs: AcceptedTakes | UnsetType = UNSET


def submitted_job(submitted: Submitted, *, lists_takes: bool = False) -> SubmittedJob:
    """An accepted job as its submission is answered; `lists_takes` adds all jobs of the request."""
    return SubmittedJob(
        job_id=submitted.job_id,
        status="queued",
        position=submitted.position,
        priority=submitted.priority,
        message=f"Job queued at position {submitted.position}",
        success=True,
        jobs=[_accepted_take(job) for job in submitted.jobs] if lists_takes else UNSET,
    )


def _accepted_take(job: Submitted) -> AcceptedTake:
    return AcceptedTake(job.job_id, "queued", job.position, job.priority)


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
    created: Moment
    created_at: Annotated[Moment, Meta(description="The same as `created`.")]
    progress: str
    progress_pct: int
    retry_count: int
    position: int | UnsetType = UNSET
    expected_start: Moment | UnsetType | None = UNSET
    continues: Annotated[ContinueFrom, Meta(description="The sound that this one continues.")] | UnsetType = (
        UNSET
    )
    started: Moment | UnsetType = UNSET
    completed: Moment | UnsetType = UNSET
    ended: Annotated[Moment, Meta(description="When it failed or was cancelled.")] | UnsetType = UNSET
    error: str | UnsetType = UNSET
    attempt: (
        Annotated[
            int,
            Meta(description="Counts runs, and within them sounds that were thrown away for their quality."),
        ]
        | UnsetType
    ) = UNSET
    interruption: (
        Annotated[str, Meta(description="Why the run before ended without a sound.")] | UnsetType
    ) = UNSET
    stream_url: (
        Annotated[str, Meta(description="Where the sound can be heard while it is made.")] | UnsetType
    ) = UNSET
    audible: (
        Annotated[bool, Meta(description="There, and true, while the sound is made and can be heard.")]
        | UnsetType
    ) = UNSET
    # What was made; null once it was deleted.
    filename: Annotated[str, Meta(description="The last part of `audio_url`.")] | UnsetType | None = UNSET
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
    melody_from: (
        Annotated[dict[str, str], Meta(description="The sound whose melody it follows.")] | UnsetType
    ) = UNSET


class AwaitedJob(JobStatusBody, frozen=True, omit_defaults=True, kw_only=True):
    """A job whose submitter waited: the job as it is then, and what its submission was answered."""

    message: Annotated[str, Meta(examples=["Job queued at position 3"])]
    jobs: AcceptedTakes | UnsetType = UNSET


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
        continues=_continues(job),
        started=UNSET if job.started_ms is None else timestamp(job.started_ms),
        error=UNSET if job.error is None else job.error,
        melody_from={f"{job.melody.kind}_id": job.melody.id} if job.melody else UNSET,
        attempt=job.live.attempt or UNSET,
        interruption=job.live.interruption or UNSET,
    )
    if job.position is not None:
        queued = {
            "position": job.position,
            "expected_start": _optional(job.expected_start_ms),
            "stream_url": public_path(f"/job/{job.job_id}/stream"),
            "audible": job.live.is_audible or UNSET,
            "message": NO_WORKER.format(model=job.model) if job.has_no_worker else UNSET,
        }
        return msgspec.structs.replace(body, **queued)
    moment = "completed" if job.status == "completed" else "ended"
    if job.finished_ms is not None:
        body = msgspec.structs.replace(body, **{moment: timestamp(job.finished_ms)})
    if job.status != "completed":
        return body
    return _without_sound(body) if job.sound is None else _with_sound(body, job.sound)


def _continues(job: JobView) -> ContinueFrom | UnsetType:
    if job.continuation is None:
        return UNSET
    source, from_s = job.continuation.source, job.continuation.from_s
    return ContinueFrom(**{f"{source.kind}_id": source.id}, from_s=from_s)


def awaited_job(job: JobView, submitted: Submitted, *, lists_takes: bool = False) -> AwaitedJob:
    """A job whose submitter waited. One that has left the queue shows the place it was accepted at."""
    fields = msgspec.structs.asdict(job_status(job))
    if fields["position"] is UNSET:
        fields["position"] = submitted.position
    answer = submitted_job(submitted, lists_takes=lists_takes)
    return AwaitedJob(**{**fields, "message": answer.message, "jobs": answer.jobs})


def _without_sound(body: JobStatusBody) -> JobStatusBody:
    """A completed job whose sound was deleted: the fields are there, what they told of is not."""
    return msgspec.structs.replace(
        body,
        filename=None,
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
        filename=f"{sound.generation_id}.wav",
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
