"""Estimates the time left of a running job."""

from typing import Final

# Below this percentage the pace is not meaningful yet.
LEAST_PCT: Final = 1


def remaining_s(progress_pct: int, elapsed_s: float, usual_s: float) -> float:
    """Return the time left of a job, from its own pace and from the usual duration of such jobs.

    The weight moves from the usual duration, as the pace may include loading at first, to the pace as the job
    progresses. The mean is geometric, so that one estimate that is far off does not dominate.
    """
    share = min(max(progress_pct, LEAST_PCT), 99) / 100
    usual_left_s = max(usual_s, 1e-3) * (1 - share)
    paced_left_s = max(elapsed_s, 1e-3) * (1 - share) / share
    return float(usual_left_s ** (1 - share) * paced_left_s**share)
