"""Compares stored times with the present one: a clock may have been set back since they were stored.

A stored time that is implausibly far in the future is not trusted: a lease that ends then counts as lapsed, a
request counted then as outside its window, a worker heard then as gone.
"""

from typing import Final

# The most by which the clocks of hosts may differ; all are corrected by the database's.
SKEW_MS: Final = 60_000


def latest_lease_ms(now_ms: int, lease_ms: int) -> int:
    """Return the latest plausible end of a lease that was renewed by a clock close to ours."""
    return now_ms + 2 * lease_ms


def is_due(last_ms: int | None, now_ms: int, every_ms: int) -> bool:
    """Return whether something that is recorded at most every `every_ms` should be recorded again."""
    return last_ms is None or not -SKEW_MS <= now_ms - last_ms < every_ms
