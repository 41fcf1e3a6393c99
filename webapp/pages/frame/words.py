"""Numbers and moments in plain words, for templates."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from webapp.pages.frame.texts import N_, Texts, _, counted, translated
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.remaining import remaining_s

MINUTE_S: Final = 60
HOUR_S: Final = 3600
DAY_S: Final = 86_400
LONGEST_IN_HOURS_S: Final = 2 * DAY_S
DAYS_BEFORE_A_DATE: Final = 30
LONGEST_IN_SECONDS_S: Final = 180

MODEL_NAMES: Final = Texts(
    {
        "music": N_("Music"),
        "audio": N_("Sound effects"),
        "magnet": N_("Fast music"),
        "voice": N_("Speech"),
    }
)
ENGINE_NAMES: Final = {
    "audiocraft": "AudioCraft",
    "espeak-ng": "eSpeak NG",
    "hibari": "Hibari",
    "kokoro": "Kokoro",
    "piper": "Piper",
}
TIER_NAMES: Final = Texts(
    {
        "free": N_("Free"),
        "supporter": N_("Supporter"),
        "premium": N_("Premium"),
        "creator": N_("Creator"),
        "admin": N_("Admin"),
        "skipped": N_("Skipped"),
    }
)
STATUS_NAMES: Final = Texts(
    {
        "queued": N_("Waiting"),
        "processing": N_("Generating"),
        "completed": N_("Done"),
        "failed": N_("Failed"),
        "cancelled": N_("Cancelled"),
    }
)
MODEL_STATE_NAMES: Final = Texts(
    {
        "ready": N_("Ready"),
        "loading": N_("Loading"),
        "unloaded": N_("On demand"),
        "error": N_("Error"),
        "unavailable": N_("Unavailable"),
    }
)
LEDGER_KINDS: Final = Texts(
    {
        "grant": N_("Grant"),
        "adjustment": N_("Adjustment"),
        "skip": N_("Skip"),
        "refund": N_("Refund"),
    }
)
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


MONTHS: Final = (
    N_("January"),
    N_("February"),
    N_("March"),
    N_("April"),
    N_("May"),
    N_("June"),
    N_("July"),
    N_("August"),
    N_("September"),
    N_("October"),
    N_("November"),
    N_("December"),
)


def seconds(duration_s: float) -> str:
    """A length in seconds: `8 s`, `2.5 s`; beyond the longest clip, as speech may be, `8 min 28 s`."""
    if duration_s > LONGEST_IN_SECONDS_S:
        minutes, rest_s = divmod(round(duration_s), MINUTE_S)
        return _("%(minutes)s min %(seconds)s s", minutes=minutes, seconds=rest_s)
    return _("%(number)s s", number=format(duration_s, ".2f").rstrip("0").rstrip("."))


def wait(duration_s: float | None) -> str:
    """Return how long something takes, roughly: `a moment`, `12 s`, `3 min`, `2 h`, `7 days`."""
    if duration_s is None:
        return _("unknown")
    if duration_s < 1:
        return _("a moment")
    if duration_s < MINUTE_S:
        return _("%(number)s s", number=round(duration_s))
    if duration_s < HOUR_S:
        return _("%(number)s min", number=round(duration_s / MINUTE_S))
    if duration_s < LONGEST_IN_HOURS_S:
        return _("%(number)s h", number=format(duration_s / HOUR_S, ".1f").removesuffix(".0"))
    return counted(round(duration_s / DAY_S), "%(number)s day", "%(number)s days")


def ago(moment_ms: int, now_ms: int) -> str:
    """Return a moment's age: `just now`, `40 s ago`, `5 min ago`, `3 h ago`, `2 days ago`, or a date."""
    passed_s = max(0, now_ms - moment_ms) // 1000
    if passed_s < 5:
        return _("just now")
    if passed_s < MINUTE_S:
        return _("%(number)s s ago", number=passed_s // 5 * 5)
    if passed_s < HOUR_S:
        return _("%(number)s min ago", number=passed_s // MINUTE_S)
    if passed_s < DAY_S:
        return _("%(number)s h ago", number=passed_s // HOUR_S)
    days = passed_s // DAY_S
    if days <= DAYS_BEFORE_A_DATE:
        return _("yesterday") if days == 1 else counted(days, "%(number)s day ago", "%(number)s days ago")
    return _date(moment_ms)


def until(moment_ms: int | None, now_ms: int) -> str:
    """When something is expected: `now`, `in 12 s`, `in 3 min`, or `not known yet`."""
    if moment_ms is None:
        return _("not known yet")
    ahead_s = (moment_ms - now_ms) / 1000
    return _("now") if ahead_s < 1 else _("in %(wait_time)s", wait_time=wait(ahead_s))


def starting(start: Start | None, now_ms: int) -> str:
    """When a job is expected to start: `in 3 min`; `in 2 to 5 min` when that is unsure; `now`; or unknown."""
    early, late = _likely_waits(start, now_ms)
    if start is None or early == late:
        return until(None if start is None else start.at_ms, now_ms)
    number, space, unit = early.rpartition(" ")
    # Of "2 min to 5 min" the first unit says nothing new.
    begin = number if space and number.isdecimal() and late.endswith(f" {unit}") else early
    return _("in %(early)s to %(late)s", early=begin, late=late)


def sure_start_ms(start: Start | None, now_ms: int) -> int | None:
    """Return the start of a job where `starting` names it as one number; None for a range or when unknown."""
    early, late = _likely_waits(start, now_ms)
    return start.at_ms if start is not None and early == late else None


def _likely_waits(start: Start | None, now_ms: int) -> tuple[str, str]:
    """Return the shortest and the longest likely wait in words; the same twice when one is enough."""
    if start is None or start.is_sure(now_ms):
        return "", ""
    early, late = (wait(max(0, at_ms - now_ms) / 1000) for at_ms in (start.early_ms, start.late_ms))
    return early, late


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
    return _("almost done") if left_s < 1 else _("about %(wait_time)s left", wait_time=wait(left_s))


def iso(moment_ms: int) -> str:
    """A moment for machines, in UTC: `2026-01-15T10:30:00Z`."""
    return datetime.fromtimestamp(moment_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def exact(moment_ms: int) -> str:
    """A moment for people, to the second."""
    time = datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%H:%M:%S")
    return _("%(date)s, %(time)s UTC", date=_date(moment_ms), time=time)


def _date(moment_ms: int) -> str:
    day = datetime.fromtimestamp(moment_ms / 1000, UTC)
    month = translated(MONTHS[day.month - 1])
    return _("%(day)s %(month)s %(year)s", day=day.day, month=month, year=day.year)


def clock(moment_ms: int) -> str:
    """The time of day in UTC: `14:06`."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%H:%M")


def size(bytes_total: int) -> str:
    """A file size: `812 KB`, `5.3 MB`, `2 GB`; `0 KB` of nothing only."""
    if bytes_total < 1_000_000:
        return _("%(number)s KB", number=max(1, round(bytes_total / 1000)) if bytes_total else 0)
    if bytes_total < 1_000_000_000:
        return _("%(number)s MB", number=format(bytes_total / 1_000_000, ".1f"))
    return _("%(number)s GB", number=format(bytes_total / 1_000_000_000, ".1f").removesuffix(".0"))


def made_by(model: str, engine: str) -> str:
    """The kind of a sound and the engine that made it: `Music (AudioCraft)`, `Speech (Piper)`."""
    return f"{MODEL_NAMES.get(model, model)} ({ENGINE_NAMES.get(engine, engine)})"


def commercial_use(is_allowed: bool | None) -> str:
    """Return whether a licence allows commercial use, in words; None is unclear."""
    if is_allowed is None:
        return _("unclear")
    return _("allowed") if is_allowed else _("not allowed")


def browser(user_agent: str) -> str:
    """Return a browser's name for people: `Firefox on Windows`; of another program, its own name."""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    if name and system:
        return _("%(browser)s on %(system)s", browser=name, system=system)
    return name or user_agent[:MAX_PROGRAM_CHARACTERS] or _("An unknown browser")


TEMPLATE_FUNCTIONS: Final[dict[str, Callable[..., Any] | Texts]] = {
    "commercial_use": commercial_use,
    "seconds": seconds,
    "wait": wait,
    "ago": ago,
    "until": until,
    "starting": starting,
    "sure_start_ms": sure_start_ms,
    "left": left,
    "iso": iso,
    "exact": exact,
    "clock": clock,
    "count": counted,
    "size": size,
    "browser": browser,
    "made_by": made_by,
    "LEDGER_KINDS": LEDGER_KINDS,
    "MODEL_NAMES": MODEL_NAMES,
    "TIER_NAMES": TIER_NAMES,
    "STATUS_NAMES": STATUS_NAMES,
    "MODEL_STATE_NAMES": MODEL_STATE_NAMES,
}
