"""How long a job in hand will still take."""

import pytest

from webapp.policy.queue.remaining import remaining_s


@pytest.mark.parametrize("progress_pct", range(0, 100, 7))
def test_a_job_at_its_usual_pace_takes_what_is_left_of_it(progress_pct: int) -> None:
    left_s = remaining_s(progress_pct, 60 * progress_pct / 100, 60)
    if progress_pct:
        assert left_s == pytest.approx(60 * (1 - progress_pct / 100))
    else:
        assert 50 < left_s <= 60


def test_loading_before_the_first_step_is_not_taken_for_the_pace() -> None:
    # A minute of loading, then a tenth of ten seconds' work.
    assert remaining_s(10, 61, 10) < 20


def test_a_slow_job_is_believed_the_further_it_is() -> None:
    slow_s = [remaining_s(pct, 30 * pct / 100, 10) for pct in (10, 50, 90)]
    truth_s = [27, 15, 3]
    shares = [told / true for told, true in zip(slow_s, truth_s, strict=True)]
    assert shares == sorted(shares)
    assert shares[-1] > 0.85
