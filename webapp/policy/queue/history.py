"""The queue's history: how many jobs waited at each time, and how long those waited that were started."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median


@dataclass(frozen=True, slots=True)
class Stay:
    """A job's time in line: from when it came until it left, and whether it left for a worker.

    `left_ms` is None for one that still waits.
    """

    came_ms: int
    left_ms: int | None
    was_started: bool


@dataclass(frozen=True, slots=True)
class Span:
    """One step of a chart. `waiting` is the most that waited at once within it.

    `median_wait_s` is that of the jobs that were started within it, None where none was.
    """

    from_ms: int
    waiting: int
    started: int
    median_wait_s: float | None
    longest_wait_s: float | None


def spans(stays: Iterable[Stay], *, until_ms: int, span_ms: int, count: int) -> tuple[Span, ...]:
    """The last `count` spans before `until_ms`, oldest first, each beginning at a multiple of its length.

    The last one is the one that `until_ms` lies in, so far.
    """
    end_ms = until_ms // span_ms * span_ms + span_ms
    begin_ms = end_ms - count * span_ms
    present = 0
    changes: list[list[tuple[int, int]]] = [[] for _ in range(count)]
    waits: list[list[float]] = [[] for _ in range(count)]
    for stay in (_set_right(stay, until_ms) for stay in stays):
        if stay.left_ms is not None and stay.left_ms < begin_ms:
            continue
        if stay.came_ms < begin_ms:
            present += 1
        elif stay.came_ms < end_ms:
            changes[(stay.came_ms - begin_ms) // span_ms].append((stay.came_ms, 1))
        if stay.left_ms is not None and stay.left_ms < end_ms:
            place = (stay.left_ms - begin_ms) // span_ms
            changes[place].append((stay.left_ms, -1))
            if stay.was_started:
                waits[place].append((stay.left_ms - stay.came_ms) / 1000)
    told = []
    for place in range(count):
        most = present
        # One that comes and goes in the same moment did not wait: who leaves goes first.
        for _, change in sorted(changes[place]):
            present += change
            most = max(most, present)
        told.append(_span(begin_ms + place * span_ms, most, waits[place]))
    return tuple(told)


def _set_right(stay: Stay, until_ms: int) -> Stay:
    """A stay that began before it ended, and before now, whatever the clocks said that noted it."""
    came_ms = min(stay.came_ms, until_ms if stay.left_ms is None else stay.left_ms)
    return stay if came_ms == stay.came_ms else replace(stay, came_ms=came_ms)


def _span(from_ms: int, waiting: int, waits: list[float]) -> Span:
    return Span(from_ms, waiting, len(waits), median(waits) if waits else None, max(waits, default=None))
