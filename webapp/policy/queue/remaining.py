"""Estimates the time left of a running job."""

from typing import Final

# Below this a pace is a guess, and above it the rest is a moment.
LEAST_PCT: Final = 1


def remaining_s(progress_pct: int, elapsed_s: float, usual_s: float) -> float:
    """The time left of a job, from its own pace and from what such jobs usually take.

    At first the usual time counts, since a pace may have loading in it; towards the end the pace does.
    Both are mixed by their logarithms, so that neither of them can be far off for long.
    """
    share = min(max(progress_pct, LEAST_PCT), 99) / 100
    usual_left_s = max(usual_s, 1e-3) * (1 - share)
    paced_left_s = max(elapsed_s, 1e-3) * (1 - share) / share
    return float(usual_left_s ** (1 - share) * paced_left_s**share)
