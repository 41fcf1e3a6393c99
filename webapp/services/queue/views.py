"""Jobs and the queue as services return them: plain values, ready to be rendered."""

import math
from dataclasses import dataclass, field

from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.job_status import TERMINAL, JobStatus
from webapp.policy.queue.reasons import NOTHING_AHEAD, Ahead, PlaceReason
from webapp.services.library.sounds import SoundView


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """An active job as the public queue shows it, with what its owner and admins may see besides.

    `position` counts from 1 over processing jobs and then waiting ones. `reason` says why a waiting
    job stands there; None while processing. `expected_start_ms` is None when nothing can be said.
    `start` tells more of that.
    `is_held` says that it waits while the queue is paused. `skip_place` is where a skip would take it; None
    where that would gain nothing. `usual_s` is what a processing job usually takes,
    `ahead` what goes before a waiting one, and `starves_ms` from when on that goes before newcomers.
    """

    job_id: str
    account_id: int
    status: JobStatus
    position: int
    model: str
    duration_s: float
    priority: str
    tier: str
    created_ms: int
    started_ms: int | None
    progress_pct: int
    reason: PlaceReason | None
    expected_start_ms: int | None
    prompt: str
    is_held: bool = False
    skip_place: int | None = None
    start: Start | None = None
    usual_s: float | None = None
    ahead: Ahead = NOTHING_AHEAD
    starves_ms: int | None = None

    @property
    def progress(self) -> str:
        """The progress in words."""
        return progress_text(self.status, self.progress_pct)


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The whole queue at one moment: processing jobs first, then waiting ones, in order.

    From `until_ms` on, order and expected starts may be others although nothing was written.
    """

    version: int
    is_paused: bool
    jobs: tuple[QueuedJob, ...]
    until_ms: float = math.inf

    def find(self, job_id: str) -> QueuedJob | None:
        """The active job with this id, if there is one."""
        return next((job for job in self.jobs if job.job_id == job_id), None)

    @property
    def current_job(self) -> str | None:
        """The job that has been processing longest."""
        return next((job.job_id for job in self.jobs if job.status == "processing"), None)


@dataclass(frozen=True, slots=True)
class JobView:
    """One job in any state.

    `position` is None once it has left the queue; `sound` is there once it is complete. `is_held`,
    `skip_place`, `start` and `usual_s` are as of `QueuedJob`. Jobs that were asked for at once share
    `variation_of`, and `variation` is the letter among them; empty for a job alone.
    """

    job_id: str
    account_id: int
    status: JobStatus
    position: int | None
    model: str
    prompt: str
    duration_s: float
    is_loopable: bool
    seed: int
    seed_was_given: bool
    priority: str
    tier: str
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    expected_start_ms: int | None
    progress_pct: int
    retry_count: int
    error: str | None
    skip_cost: int
    sound: SoundView | None
    is_held: bool = False
    skip_place: int | None = None
    start: Start | None = None
    usual_s: float | None = None
    sampling: SamplingChoice = field(default_factory=SamplingChoice)
    variation_of: int | None = None
    variation: str = ""

    @property
    def progress(self) -> str:
        """The progress in words."""
        return progress_text(self.status, self.progress_pct)

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL

    def asked_again(self, seed: int | None) -> GenerationChoice:
        """Return the same request anew; without a seed it will be another sound."""
        return GenerationChoice(
            prompt=self.prompt,
            duration_s=self.duration_s,
            model=self.model,
            is_loopable=self.is_loopable,
            seed=seed,
            sampling=self.sampling,
        )


def progress_text(status: JobStatus, progress_pct: int) -> str:
    """The words for a job's progress, as the API promises them."""
    match status:
        case "queued":
            return "Waiting in queue..."
        case "processing":
            return f"Generating audio... {progress_pct}%"
        case "completed":
            return "Done"
        case "failed":
            return "Failed"
        case "cancelled":
            return "Cancelled"
