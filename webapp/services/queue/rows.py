"""Rows of jobs as the plain values that services and policy work with."""

from collections.abc import Sequence
from dataclasses import replace
from string import ascii_uppercase

from webapp.database import Row
from webapp.policy.accounts.tiers import SKIPPED
from webapp.policy.generation import SamplingChoice
from webapp.policy.library.sound_sources import source_of_text
from webapp.policy.queue.estimates import RunningJob
from webapp.policy.queue.live_sound import LiveSound
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.skip_prices import SkipPrice, skip_cost
from webapp.services.library.sounds import sound_view
from webapp.services.queue.continuations import continuation_of
from webapp.services.queue.views import JobView, QueuedJob


def waiting_job(row: Row) -> WaitingJob:
    """Read what decides the queue position of a waiting job and when it will start."""
    return WaitingJob(
        sequence=row["sequence"],
        priority=row["priority"],
        skipped_ms=row["skipped_ms"],
        starves_ms=row["starves_ms"],
        model=row["model"],
        duration_s=row["duration_s"],
    )


def running_job(row: Row) -> RunningJob:
    """Read what decides when a processing job will end."""
    return RunningJob(row["worker_id"], row["started_ms"], row["model"], row["duration_s"])


def job_view(row: Row, prices: Sequence[SkipPrice]) -> JobView:
    """Read a job from a row with its sound; an active one gets its position by `with_position`."""
    return JobView(
        job_id=row["job_id"],
        account_id=row["account"],
        status=row["status"],
        position=None,
        model=row["model"],
        prompt=row["prompt"],
        duration_s=row["duration_s"],
        is_loopable=bool(row["is_loopable"]),
        seed=row["seed"],
        seed_was_given=bool(row["seed_was_given"]),
        priority=priority_label(row),
        tier=row["tier"],
        created_ms=row["created_ms"],
        started_ms=row["started_ms"],
        finished_ms=row["finished_ms"],
        progress_pct=row["progress_pct"],
        retry_count=row["retry_count"],
        error=row["error"],
        skip_cost=skip_cost(row["duration_s"], prices),
        sound=sound_view(row),
        sampling=SamplingChoice(row["temperature"], row["top_k"], row["top_p"], row["guidance"]),
        melody=source_of_text(row["melody_from"]),
        variation_of=row["variation_of"],
        variation=variation_letter(row),
        continuation=continuation_of(row),
        live=live_sound(row),
    )


def live_sound(row: Row) -> LiveSound:
    """Read what is known of a sound while it is made."""
    return LiveSound(
        generation_id=row["generation_id"],
        fence=row["fence"],
        discarded_takes=row["discarded_takes"],
        is_audible=bool(row["is_audible"]),
        formats=row["stream_formats"],
        interruption=row["interruption"],
    )


def variation_letter(row: Row) -> str:
    """Return a variation's letter, or its number beyond the alphabet; empty for a job alone."""
    if row["variation_of"] is None:
        return ""
    index: int = row["sequence"] - row["variation_of"]
    return ascii_uppercase[index] if index < len(ascii_uppercase) else str(index + 1)


def with_position(job: JobView, queued: QueuedJob) -> JobView:
    """Give the job its position; the queue was read later than the job, so its facts prevail."""
    return replace(
        job,
        status=queued.status,
        position=queued.position,
        priority=queued.priority,
        started_ms=queued.started_ms,
        is_held=queued.is_held,
        skip_place=queued.skip_place,
        start=queued.start,
        usual_s=queued.usual_s,
        progress_pct=queued.progress_pct,
        live=queued.live,
    )


def priority_label(row: Row) -> str:
    """Return the priority as it is shown: the tier, or that the job was skipped."""
    return SKIPPED if row["skipped_ms"] is not None else str(row["tier"])
