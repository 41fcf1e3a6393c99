"""Estimates the share of the workers' time that better tiers ask for: their future jobs go first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# The number of slices of equal length, and how many are left out at each end once they are sorted by work.
SLICES: Final = 20
LEFT_OUT: Final = 7


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submitted job: when it came, its priority, and the worker time that it takes."""

    at_ms: int
    priority: int
    work_ms: float


def overtaking_shares(
    arrivals: Iterable[Arrival], *, since_ms: int, span_ms: float, workers: int
) -> dict[int, float]:
    """Return, by priority, the share of the workers' time that better tiers ask for.

    `arrivals` are the jobs that came within `span_ms` from `since_ms` on. The share is a trimmed mean over
    slices of that time: a burst is already waiting, and says nothing about the rate at which more jobs will
    come.
    """
    if span_ms <= 0 or workers <= 0:
        return {}
    by_priority: dict[int, list[float]] = {}
    for arrival in arrivals:
        slices = by_priority.setdefault(arrival.priority, [0.0] * SLICES)
        index = min(SLICES - 1, max(0, int((arrival.at_ms - since_ms) / span_ms * SLICES)))
        slices[index] += arrival.work_ms
    shares: dict[int, float] = {}
    better = [0.0] * SLICES
    for priority in sorted(by_priority):
        usual = sorted(better)[LEFT_OUT : SLICES - LEFT_OUT]
        shares[priority] = sum(usual) / len(usual) / (span_ms / SLICES * workers)
        better = [sum(both) for both in zip(better, by_priority[priority], strict=True)]
    return shares
