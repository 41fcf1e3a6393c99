"""Answers read: errors, jobs, voices, and how long to wait. Nothing here does input or output."""

import json
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from soundloom_client.calls import Reply
from soundloom_client.errors import (
    JobCancelled,
    JobFailed,
    Refused,
    SoundDeleted,
    SoundloomError,
    UnexpectedAnswer,
    kind_of,
)
from soundloom_client.models import Job, Skip, Voice


def refusal(reply: Reply) -> Refused | None:
    """Return the error that an answer is; None for a good one."""
    if reply.status < 400:
        return None
    try:
        problem = _object(reply.content)
    except UnexpectedAnswer:
        problem = {}
    return kind_of(reply.status)(
        str(problem.get("error") or f"The server answered {reply.status}"),
        code=_text(problem, "code") or f"http_{reply.status}",
        status=reply.status,
        field=_text(problem, "field"),
        error_id=_text(problem, "error_id"),
        retry_after=retry_after(reply.headers),
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that `Retry-After` asks for, as a number or as a date; None where it says nothing.

    A date is set against the server's own `Date`, so that the clock here does not matter.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        left = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (ValueError, TypeError):
        return None
    return max(left, timedelta()).total_seconds()


def content_of(reply: Reply) -> Mapping[str, Any]:
    """Return the object that an answer holds. Raises UnexpectedAnswer."""
    return _object(reply.content)


def job_of(raw: Mapping[str, Any]) -> Job:
    """Read a job. Raises UnexpectedAnswer."""
    try:
        return Job(
            id=raw["job_id"],
            status=raw["status"],
            model=raw["model"],
            prompt=raw["prompt"],
            duration=raw["duration"],
            seed=raw["seed"],
            priority=raw["priority"],
            progress=raw["progress"],
            progress_pct=raw["progress_pct"],
            retry_count=raw["retry_count"],
            position=raw.get("position"),
            error=raw.get("error"),
            generation_id=raw.get("generation_id"),
            quality_score=raw.get("quality_score"),
            engine_label=raw.get("engine_label"),
            audio_url=raw.get("audio_url"),
            spectrogram_url=raw.get("spectrogram_url"),
            formats=raw.get("formats") or {},
            details=raw,
        )
    except KeyError as error:
        raise UnexpectedAnswer(f"The server's answer has no {error}") from error


def job_in(text: bytes) -> Job:
    """Read the job that a text holds. Raises UnexpectedAnswer."""
    return job_of(_object(text))


def ids_in(accepted: Mapping[str, Any]) -> list[str]:
    """Return the ids of the jobs that a request became. Raises UnexpectedAnswer."""
    try:
        return [job["job_id"] for job in accepted.get("jobs", [accepted])]
    except (KeyError, TypeError) as error:
        raise UnexpectedAnswer("The server's answer names no job") from error


def skip_of(raw: Mapping[str, Any]) -> Skip:
    """Read what a skip cost. Raises UnexpectedAnswer."""
    try:
        return Skip(raw["cost"], raw["new_balance"])
    except KeyError as error:
        raise UnexpectedAnswer(f"The server's answer has no {error}") from error


def voices_of(raw: Mapping[str, Any]) -> list[Voice]:
    """Read a list of voices. Raises UnexpectedAnswer."""
    try:
        return [Voice(one["id"], one["name"], one["language"], one) for one in raw["voices"]]
    except (KeyError, TypeError) as error:
        raise UnexpectedAnswer("The server's answer lists no voices") from error


def missing_sound(job: Job) -> SoundloomError | None:
    """Return why a job that has ended has no sound; None where it has one."""
    if job.status == "failed":
        return JobFailed(job.error or "The sound could not be made")
    if job.status == "cancelled":
        return JobCancelled("The job was cancelled")
    if not job.formats:
        return SoundDeleted("The sound of this job was deleted")
    return None


def _object(text: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise UnexpectedAnswer("The server's answer is not JSON") from error
    if not isinstance(found, dict):
        raise UnexpectedAnswer("The server's answer is not an object")
    return found


def _text(problem: Mapping[str, Any], name: str) -> str | None:
    value = problem.get(name)
    return value if isinstance(value, str) else None
