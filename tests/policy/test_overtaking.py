"""The share of the workers' time that better tiers ask for."""

import pytest

from webapp.policy.queue.overtaking import SLICES, Arrival, overtaking_shares

SINCE_MS = 1_700_000_000_000
SPAN_MS = 600_000.0


def _shares(asked: list[Arrival], workers: int = 1) -> dict[int, float]:
    return overtaking_shares(asked, since_ms=SINCE_MS, span_ms=SPAN_MS, workers=workers)


def _steady(priority: int, work_ms: float) -> list[Arrival]:
    return [Arrival(SINCE_MS + n * 30_000, priority, work_ms) for n in range(SLICES)]


def test_steady_work_is_a_share_of_the_time_for_every_tier_below() -> None:
    asked = [*_steady(2, 3_000), *_steady(3, 6_000), *_steady(4, 9_000)]
    assert _shares(asked) == {2: 0, 3: pytest.approx(0.1), 4: pytest.approx(0.3)}
    assert _shares(asked, workers=2)[4] == pytest.approx(0.15)
    assert _shares(asked, workers=0) == {}


def test_a_burst_is_no_rate() -> None:
    burst = [Arrival(SINCE_MS + 100_000 + 700 * n, 1, 4_000) for n in range(61)]
    assert _shares([*burst, Arrival(SINCE_MS, 4, 1)])[4] == 0
    asked = [*burst, *_steady(2, 3_000), Arrival(SINCE_MS, 4, 1)]
    assert _shares(asked)[4] == pytest.approx(0.1), "what comes steadily still counts"
