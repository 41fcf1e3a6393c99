"""Jobs and the queue as services return them: plain values, ready to be rendered."""

import math
from dataclasses import dataclass, field
from typing import Final

from webapp.policy.continuations import ContinuationChoice
from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.policy.library.sound_sources import SoundSource
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.job_status import TERMINAL, JobStatus
from webapp.policy.queue.live_sound import LiveSound
from webapp.policy.queue.reasons import NOTHING_AHEAD, JobsAhead, PositionReason
from webapp.services.library.sounds import SoundView

NOT_BEGUN: Final = LiveSound()


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """An active job as the public queue shows it, with what its owner and admins may see in addition.

    `position` counts from 1, processing jobs first. `reason` explains a waiting job's position; None while
    processing. `start` is its estimated start; None while processing, and when there is no estimate.
    `is_held`: it is waiting while the queue is paused. `skip_place` is the position that a skip would give
    it; None if that is no better. `usual_s` is the usual duration of a processing job, `ahead` counts the
    jobs before a waiting one, and `starves_ms` is its starvation limit. `variation` is as of `JobView`, and
    `live` is what can be heard of it.
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
    reason: PositionReason | None
    prompt: str
    is_held: bool = False
    skip_place: int | None = None
    start: Start | None = None
    usual_s: float | None = None
    ahead: JobsAhead = NOTHING_AHEAD
    starves_ms: int | None = None
    variation: str = ""
    live: LiveSound = NOT_BEGUN

    @property
    def progress(self) -> str:
        """Return the progress in words."""
        return progress_text(self.status, self.progress_pct)

    @property
    def expected_start_ms(self) -> int | None:
        """Return when the job is expected to start; None if there is no estimate."""
        return self.start.at_ms if self.start else None


@dataclass(frozen=True, slots=True)
class QueueSnapshot:
    """The whole queue at one moment: processing jobs first, then waiting ones, in order.

    `read_ms` is that moment. It is valid until the queue changes, and no longer than `valid_until_ms`:
    estimates and the order depend on time.
    """

    version: int
    is_paused: bool
    jobs: tuple[QueuedJob, ...]
    valid_until_ms: float = math.inf
    read_ms: int = 0

    def find(self, job_id: str) -> QueuedJob | None:
        """Return the active job with this id, if there is one."""
        return next((job for job in self.jobs if job.job_id == job_id), None)

    @property
    def current_job(self) -> str | None:
        """Return the job that has been processing longest."""
        return next((job.job_id for job in self.jobs if job.status == "processing"), None)


@dataclass(frozen=True, slots=True)
class JobView:
    """One job in any state.

    `position` is None once it has left the queue; `sound` is set once it is complete. `is_held`,
    `skip_place`, `start` and `usual_s` are those of `QueuedJob`. Variations that were requested together
    share `variation_of`, and `variation` is the letter of each; empty for a single job.
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
    melody: SoundSource | None = None
    variation_of: int | None = None
    variation: str = ""
    continuation: ContinuationChoice | None = None
    live: LiveSound = NOT_BEGUN

    @property
    def progress(self) -> str:
        """Return the progress in words."""
        return progress_text(self.status, self.progress_pct)

    @property
    def expected_start_ms(self) -> int | None:
        """Return when the job is expected to start; None if there is no estimate."""
        return self.start.at_ms if self.start else None

    @property
    def has_ended(self) -> bool:
        return self.status in TERMINAL

    def to_new_request(self, seed: int | None) -> GenerationChoice:
        """Return the same request with a seed; None draws one, which gives another sound."""
        return GenerationChoice(
            prompt=self.prompt,
            duration_s=self.duration_s,
            model=self.model,
            is_loopable=self.is_loopable,
            seed=seed,
            sampling=self.sampling,
            melody=self.melody,
            continuation=self.continuation,
        )


def progress_text(status: JobStatus, progress_pct: int) -> str:
    """Return the words for a job's progress, which are part of the API's contract."""
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
