"""Estimates the share of the workers' time that better tiers ask for: more of them come, and go first."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

# Into how many slices a span is cut, and how many are left out at each end.
SLICES: Final = 20
LEFT_OUT: Final = 7


@dataclass(frozen=True, slots=True)
class Asked:
    """Work that came in: when, of which priority, and how long it keeps a worker."""

    at_ms: int
    priority: int
    work_ms: float


def overtaking(asked: Iterable[Asked], *, since_ms: int, span_ms: float, workers: int) -> dict[int, float]:
    """Return the share of the workers' time that better tiers ask for, by priority.

    `asked` is the work that came in during `span_ms` from `since_ms` on. The span is cut into slices, and
    the busiest and the quietest are left out: a burst waits already, and is no rate at which more will come.
    """
    if span_ms <= 0 or workers <= 0:
        return {}
    by_priority: dict[int, list[float]] = {}
    for one in asked:
        slices = by_priority.setdefault(one.priority, [0.0] * SLICES)
        slices[min(SLICES - 1, max(0, int((one.at_ms - since_ms) / span_ms * SLICES)))] += one.work_ms
    shares: dict[int, float] = {}
    before = [0.0] * SLICES
    for priority in sorted(by_priority):
        usual = sorted(before)[LEFT_OUT : SLICES - LEFT_OUT]
        shares[priority] = sum(usual) / len(usual) / (span_ms / SLICES * workers)
        before = [sum(both) for both in zip(before, by_priority[priority], strict=True)]
    return shares
