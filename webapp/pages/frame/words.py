"""Numbers and moments in plain words, for templates."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from webapp.policy.queue.estimates import Start
from webapp.policy.queue.remaining import remaining_s

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
LONGEST_IN_HOURS_S: Final = 2 * DAY_S
DAYS_BEFORE_A_DATE: Final = 30
LONGEST_IN_SECONDS_S: Final = 180

MODEL_NAMES: Final = {"music": "Music", "audio": "Sound effects", "magnet": "Fast music", "voice": "Speech"}
ENGINE_NAMES: Final = {"audiocraft": "AudioCraft", "espeak-ng": "eSpeak NG", "piper": "Piper"}
TIER_NAMES: Final = {
    "free": "Free",
    "supporter": "Supporter",
    "premium": "Premium",
    "creator": "Creator",
    "admin": "Admin",
    "skipped": "Skipped",
}
STATUS_NAMES: Final = {
    "queued": "Waiting",
    "processing": "Generating",
    "completed": "Done",
    "failed": "Failed",
    "cancelled": "Cancelled",
}
MODEL_STATE_NAMES: Final = {
    "ready": "Ready",
    "loading": "Loading",
    "unloaded": "On demand",
    "error": "Error",
    "unavailable": "Unavailable",
}
# By what only they have in their user agent; those that copy others come first.
BROWSERS: Final = {
    "Edg/": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "Chrome/": "Chrome",
    "CriOS/": "Chrome",
    "Safari/": "Safari",
}
SYSTEMS: Final = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}
MAX_PROGRAM_CHARACTERS: Final = 40


def seconds(duration_s: float) -> str:
    """A length in seconds: `8 s`, `2.5 s`; beyond the longest clip, as speech may be, `8 min 28 s`."""
    if duration_s > LONGEST_IN_SECONDS_S:
        minutes, rest_s = divmod(round(duration_s), MINUTE_S)
        return f"{minutes} min {rest_s} s"
    return f"{duration_s:.2f}".rstrip("0").rstrip(".") + " s"


def wait(duration_s: float | None) -> str:
    """Return how long something takes, roughly: `a moment`, `12 s`, `3 min`, `2 h`, `7 days`."""
    if duration_s is None:
        return "unknown"
    if duration_s < 1:
        return "a moment"
    if duration_s < MINUTE_S:
        return f"{round(duration_s)} s"
    if duration_s < HOUR_S:
        return f"{round(duration_s / MINUTE_S)} min"
    if duration_s < LONGEST_IN_HOURS_S:
        return f"{duration_s / HOUR_S:.1f}".removesuffix(".0") + " h"
    return f"{round(duration_s / DAY_S)} days"


def ago(moment_ms: int, now_ms: int) -> str:
    """Return a moment's age: `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 days ago`, or a date."""
    passed_s = max(0, now_ms - moment_ms) // 1000
    if passed_s < 5:
        return "just now"
    if passed_s < MINUTE_S:
        return f"{passed_s // 5 * 5} s ago"
    if passed_s < HOUR_S:
        return f"{passed_s // MINUTE_S} min ago"
    if passed_s < DAY_S:
        return f"{passed_s // HOUR_S} h ago"
    days = passed_s // DAY_S
    if days <= DAYS_BEFORE_A_DATE:
        return "yesterday" if days == 1 else f"{days} days ago"
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%-d %B %Y")


def until(moment_ms: int | None, now_ms: int) -> str:
    """When something is expected: `now`, `in 12 s`, `in 3 min`, or `not known yet`."""
    if moment_ms is None:
        return "not known yet"
    ahead_s = (moment_ms - now_ms) / 1000
    return "now" if ahead_s < 1 else f"in {wait(ahead_s)}"


def starting(start: Start | None, now_ms: int) -> str:
    """When a job is expected to start: `in 3 min`; `in 2 to 5 min` when that is unsure; `now`; or unknown."""
    if start is None or start.is_sure(now_ms):
        return until(None if start is None else start.at_ms, now_ms)
    early, late = (wait(max(0, at_ms - now_ms) / 1000) for at_ms in (start.early_ms, start.late_ms))
    if early == late:
        return until(start.at_ms, now_ms)
    number, _, unit = early.rpartition(" ")
    # Of "2 min to 5 min" the first unit says nothing new.
    begin = number if late.endswith(f" {unit}") and number != "a" else early
    return f"in {begin} to {late}"


class _Running(Protocol):
    """A job that may be in a worker's hands."""

    @property
    def started_ms(self) -> int | None: ...
    @property
    def progress_pct(self) -> int: ...
    @property
    def usual_s(self) -> float | None: ...


def left(job: _Running, now_ms: int) -> str:
    """Return how long a job in hand still takes: `about 12 s left`; empty when nothing can be said."""
    if job.started_ms is None or job.usual_s is None:
        return ""
    left_s = remaining_s(job.progress_pct, (now_ms - job.started_ms) / 1000, job.usual_s)
    return "almost done" if left_s < 1 else f"about {wait(left_s)} left"


def iso(moment_ms: int) -> str:
    """A moment for machines, in UTC: `2026-01-15T10:30:00Z`."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(moment_ms: int) -> str:
    """A moment for people, to the second."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%-d %B %Y, %H:%M:%S UTC")


def clock(moment_ms: int) -> str:
    """The time of day in UTC: `14:06`."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%H:%M")


def count(number: int, singular: str, plural: str | None = None) -> str:
    """A number with its noun: `1 job`, `3 jobs`."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def size(bytes_total: int) -> str:
    """A file size: `812 KB`, `5.3 MB`, `2 GB`."""
    if bytes_total < 1_000_000:
        return f"{max(1, round(bytes_total / 1000))} KB"
    if bytes_total < 1_000_000_000:
        return f"{bytes_total / 1_000_000:.1f} MB"
    return f"{bytes_total / 1_000_000_000:.1f}".removesuffix(".0") + " GB"


def made_by(model: str, engine: str) -> str:
    """The kind of a sound and the engine that made it: `Music (AudioCraft)`, `Speech (Piper)`."""
    return f"{MODEL_NAMES.get(model, model)} ({ENGINE_NAMES.get(engine, engine)})"


def browser(user_agent: str) -> str:
    """Return a browser's name for people: `Firefox on Windows`; of another program, its own name."""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    if name and system:
        return f"{name} on {system}"
    return name or user_agent[:MAX_PROGRAM_CHARACTERS] or "An unknown browser"


TEMPLATE_FUNCTIONS: Final[dict[str, Callable[..., Any] | dict[str, str]]] = {
    "seconds": seconds,
    "wait": wait,
    "ago": ago,
    "until": until,
    "starting": starting,
    "left": left,
    "iso": iso,
    "exact": exact,
    "clock": clock,
    "count": count,
    "size": size,
    "browser": browser,
    "made_by": made_by,
    "MODEL_NAMES": MODEL_NAMES,
    "TIER_NAMES": TIER_NAMES,
    "STATUS_NAMES": STATUS_NAMES,
    "MODEL_STATE_NAMES": MODEL_STATE_NAMES,
}
