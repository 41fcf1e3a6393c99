"""The last hour of the queue as two small pictures, each with its numbers as a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from webapp.pages.frame import words
from webapp.pages.frame.texts import _, counted
from webapp.policy.queue.history import Span

WIDTH: Final = 300
HEIGHT: Final = 64
GAP: Final = 2
# Below these a scale would show next to nothing as if it were much.
LEAST_DEPTH: Final = 4
LEAST_WAIT_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One span in the picture's own units, from its top left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One line of the table. `wait` and `longest` are words."""

    from_ms: int
    waiting: int
    started: int
    wait: str
    longest: str


@dataclass(frozen=True, slots=True)
class Charts:
    """Depth as an area, waits as bars; `summary` texts say in words what the pictures show."""

    depth_line: str
    depth_area: str
    depth_top: str
    depth_summary: str
    wait_bars: tuple[Bar, ...]
    wait_top: str
    wait_summary: str
    readings: tuple[Reading, ...]
    width: int = WIDTH
    height: int = HEIGHT


def queue_charts(spans: Sequence[Span], waiting: int) -> Charts:
    """The charts of the last hour; they end with as many jobs as wait now."""
    most = max(waiting, max((span.waiting for span in spans), default=0))
    scale = max(most, LEAST_DEPTH)
    steps = [(place * WIDTH / len(spans), _y(span.waiting / scale)) for place, span in enumerate(spans)]
    line = _steps(steps, _y(waiting / scale))
    started = sum(span.started for span in spans)
    waits = [span.median_wait_s for span in spans if span.median_wait_s is not None]
    longest_s = max((span.longest_wait_s for span in spans if span.longest_wait_s is not None), default=None)
    return Charts(
        depth_line=line,
        depth_area=f"{line}V{HEIGHT}H0Z" if line else "",
        depth_top=f"{scale}",
        depth_summary=_depth_words(most, waiting),
        wait_bars=_bars(spans, max(waits, default=0.0)),
        wait_top=words.wait(max(*waits, LEAST_WAIT_S) if waits else LEAST_WAIT_S),
        wait_summary=_wait_words(started, longest_s),
        readings=tuple(
            Reading(
                span.from_ms,
                span.waiting,
                span.started,
                "–" if span.median_wait_s is None else words.wait(span.median_wait_s),
                "–" if span.longest_wait_s is None else words.wait(span.longest_wait_s),
            )
            for span in reversed(spans)
        ),
    )


def _y(share: float) -> float:
    """From the top, with room for half of the line's width at either end."""
    return round(1 + (HEIGHT - 2) * (1 - share), 1)


def _steps(points: Sequence[tuple[float, float]], end: float) -> str:
    if not points:
        return ""
    path = [f"M0 {points[0][1]:g}"]
    for (_x, before), (x, y) in pairwise(points):
        if y != before:
            path.append(f"H{x:g}V{y:g}")
    return "".join([*path, f"H{WIDTH}V{end:g}"])


def _bars(spans: Sequence[Span], highest_s: float) -> tuple[Bar, ...]:
    scale_s = max(highest_s, LEAST_WAIT_S)
    width = WIDTH / max(1, len(spans))
    return tuple(
        Bar(
            x=round(place * width + GAP / 2, 1),
            y=round(HEIGHT - max(1.5, (HEIGHT - 2) * span.median_wait_s / scale_s), 1),
            width=width - GAP,
            height=round(max(1.5, (HEIGHT - 2) * span.median_wait_s / scale_s), 1),
        )
        for place, span in enumerate(spans)
        if span.median_wait_s is not None
    )


def _depth_words(most: int, waiting: int) -> str:
    if not most:
        return _("Nobody had to wait in the last hour")
    return counted(
        most,
        "At most %(number)s job waited at once; %(waiting)s now",
        "At most %(number)s jobs waited at once; %(waiting)s now",
        waiting=waiting,
    )


def _wait_words(started: int, longest_s: float | None) -> str:
    if longest_s is None:
        return _("No jobs started in the last hour")
    return counted(
        started,
        "%(number)s job started; the longest wait was %(wait_time)s",
        "%(number)s jobs started; the longest wait was %(wait_time)s",
        wait_time=words.wait(longest_s),
    )
