"""What is told of a line right after a burst, held against what came of it."""

import itertools
from statistics import median

import pytest

from benchmarks.queue_simulation.bursts import Burst, replay, server
from benchmarks.queue_simulation.calibration import Quote

# Shorter waits are "at once" to anybody.
LEAST_S = 30


@pytest.mark.parametrize(("loads", "seed"), [(False, 1), (False, 2), (True, 1)])
def test_ten_bursts_are_foretold_within_30_percent_in_the_median_and_twice_at_worst(
    loads: bool, seed: int
) -> None:
    bursts = replay(10, server(loads=loads), seed=seed)
    assert len(bursts) == 10
    for burst in bursts[1:] if loads else bursts:
        assert median(burst.errors(LEAST_S)) < 0.3
        assert all(0.5 < quote.expected_s / quote.actual_s < 2 for quote in _waits(burst))


def test_neighbours_in_a_line_are_told_about_the_same() -> None:
    for burst in replay(10, server(loads=False), seed=1):
        expected_s = [quote.expected_s for quote in burst.quotes if quote.expected_s >= LEAST_S]
        steps = [later / earlier for earlier, later in itertools.pairwise(expected_s)]
        assert max(steps) < 1.4


def _waits(burst: Burst) -> list[Quote]:
    return [quote for quote in burst.quotes if quote.actual_s >= LEAST_S]
