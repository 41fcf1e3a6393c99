"""Rows of the database as the plain values that services and policy work with."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from webapp.policy.estimates import InHand
from webapp.policy.generation import SamplingChoice
from webapp.policy.ordering import WaitingJob
from webapp.policy.pricing import SkipPrice, skip_cost
from webapp.policy.tiers import SKIPPED
from webapp.services.views import JobView, QueuedJob, SoundView

Row = dict[str, Any]

SOUND_COLUMNS = (
    "storage_key", "generation_id", "engine", "engine_label", "checkpoint", "license", "seed", "duration_s",
    "sample_rate", "channels", "loudness_lufs", "true_peak_dbtp", "quality_score", "quality_reasons", "peaks",
    "bytes_total",
)  # fmt: skip
SOUND_PREFIX = "sound_"
JOB_WITH_SOUND = (
    "SELECT job.*, "
    + ", ".join(f"sound.{column} AS {SOUND_PREFIX}{column}" for column in SOUND_COLUMNS)
    + " FROM job LEFT JOIN sound ON sound.job = job.job_id"
)


def waiting_job(row: Row) -> WaitingJob:
    """What decides the place of a waiting job and when it will start."""
    return WaitingJob(
        sequence=row["sequence"],
        priority=row["priority"],
        skipped_ms=row["skipped_ms"],
        starves_ms=row["starves_ms"],
        model=row["model"],
        duration_s=row["duration_s"],
    )


def in_hand(row: Row) -> InHand:
    """What can be said of when the worker of a processing job will be free."""
    return InHand(row["worker_id"], row["started_ms"], row["model"], row["duration_s"])


def sound_view(row: Row) -> SoundView | None:
    """The sound's part of a joined row; None where the job has no sound."""
    if row[f"{SOUND_PREFIX}generation_id"] is None:
        return None
    values = {column: row[SOUND_PREFIX + column] for column in SOUND_COLUMNS if column != "storage_key"}
    values["quality_reasons"] = tuple(json.loads(values["quality_reasons"]))
    values["peaks"] = tuple(json.loads(values["peaks"]))
    return SoundView(**values)


def job_view(row: Row, prices: Sequence[SkipPrice]) -> JobView:
    """A job from a row of `JOB_WITH_SOUND`; an active one gets its place by `in_place`."""
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
        expected_start_ms=None,
        progress_pct=row["progress_pct"],
        retry_count=row["retry_count"],
        error=row["error"],
        skip_cost=skip_cost(row["duration_s"], prices),
        sound=sound_view(row),
        sampling=SamplingChoice(row["temperature"], row["top_k"], row["top_p"], row["guidance"]),
    )


def in_place(job: JobView, queued: QueuedJob) -> JobView:
    """The job where it stands in the queue; what the queue, read later than the job, says prevails."""
    return replace(
        job,
        status=queued.status,
        position=queued.position,
        priority=queued.priority,
        started_ms=queued.started_ms,
        expected_start_ms=queued.expected_start_ms,
        is_held=queued.is_held,
        skip_place=queued.skip_place,
        usual_s=queued.usual_s,
        progress_pct=queued.progress_pct,
    )


def priority_label(row: Row) -> str:
    """The priority as it is shown: the tier, or that the job was skipped."""
    return SKIPPED if row["skipped_ms"] is not None else str(row["tier"])
