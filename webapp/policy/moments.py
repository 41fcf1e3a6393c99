"""Stored times beside the present one: a clock may have been set back since they were written.

A time that lies further ahead than whoever wrote it could have meant says nothing any more: a lease that
ends then has lapsed, a request that was counted then has left its window, a worker that was heard then is not
there.
"""

from typing import Final

# How far the clocks of several hosts, all set right by the database's, may differ at the very most.
SKEW_MS: Final = 60_000


def latest_lease_ms(now_ms: int, lease_ms: int) -> int:
    """The latest end that a lease can have which was renewed by a clock not far from ours."""
    return now_ms + 2 * lease_ms


def is_due(noted_ms: int | None, now_ms: int, every_ms: int) -> bool:
    """Return whether something that is noted every so often should be noted again."""
    return noted_ms is None or not -SKEW_MS <= now_ms - noted_ms < every_ms
