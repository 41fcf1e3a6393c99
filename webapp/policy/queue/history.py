"""The queue's history: how many jobs were waiting over time, and how long the started ones had waited."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True)
class Stay:
    """A job's time in the queue: when it came and left, and whether a worker started it.

    `left_ms` is None while it waits.
    """

    came_ms: int
    left_ms: int | None
    was_started: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a chart. `waiting` is the highest number of jobs that waited at once within it.

    The waits are those of the jobs that were started within it; None if there were none.
    """

    from_ms: int
    waiting: int
    started: int
    median_wait_s: float | None
    longest_wait_s: float | None


def spans(stays: Iterable[Stay], *, until_ms: int, span_ms: int, count: int) -> tuple[Span, ...]:
    """Return the last `count` spans, oldest first, each beginning at a multiple of its length.

    The last one contains `until_ms`, so it is still incomplete.
    """
    end_ms = until_ms // span_ms * span_ms + span_ms
    begin_ms = end_ms - count * span_ms
    present = 0
    changes: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    waits: list[list[float]] = [[] for _ in range(count)]
    for stay in (_corrected(stay, until_ms) for stay in stays):
        if stay.left_ms is not None and stay.left_ms < begin_ms:
            continue
        if stay.came_ms < begin_ms:
            present += 1
        elif stay.came_ms < end_ms:
            changes[(stay.came_ms - begin_ms) // span_ms].append((stay.came_ms, 1))
        if stay.left_ms is not None and stay.left_ms < end_ms:
            index = (stay.left_ms - begin_ms) // span_ms
            changes[index].append((stay.left_ms, -1))
            if stay.was_started:
                waits[index].append((stay.left_ms - stay.came_ms) / 1000)
    found = []
    for index in range(count):
        most = present
        # A job that comes and leaves in the same millisecond did not wait: departures (-1) sort first.
        for _, change in sorted(changes[index]):
            present += change
            most = max(most, present)
        found.append(_span(begin_ms + index * span_ms, most, waits[index]))
    return tuple(found)


def _corrected(stay: Stay, until_ms: int) -> Stay:
    """Move the beginning of a stay before its end, and before now, in case clocks disagreed."""
    came_ms = min(stay.came_ms, until_ms if stay.left_ms is None else stay.left_ms)
    return stay if came_ms == stay.came_ms else replace(stay, came_ms=came_ms)


def _span(from_ms: int, waiting: int, waits: list[float]) -> Span:
    return Span(from_ms, waiting, len(waits), median(waits) if waits else None, max(waits, default=None))
