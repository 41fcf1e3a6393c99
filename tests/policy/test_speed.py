"""How long a clip takes, learned from few, noisy and sometimes wild results."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.policy.queue.speed import (
    GUESS_ACCELERATED,
    GUESS_CPU,
    GUESS_SKETCH,
    LinearWork,
    Result,
    first_guess,
    fit,
    learn,
)

TRUTH = LinearWork(12.0, 1.5)
DURATIONS_S = (5.0, 8.0, 15.0, 30.0, 60.0, 120.0)
LENGTHS_S = st.floats(1, 180)
WORKS_S = st.floats(0.01, 10_000)


def _points(count: int, *, noise: float = 0.1, wild: int = 0, seed: int = 1) -> list[tuple[float, float]]:
    """Results of a true line with lognormal noise; every so many-th takes twenty times as long."""
    draw = random.Random(seed)
    return [
        (
            duration_s := draw.choice(DURATIONS_S),
            TRUTH.work_s(duration_s) * draw.lognormvariate(0, noise) * (20 if wild and n % wild == 0 else 1),
        )
        for n in range(1, count + 1)
    ]


def _worst_error(fitted: LinearWork) -> float:
    return max(abs(fitted.work_s(length_s) / TRUTH.work_s(length_s) - 1) for length_s in DURATIONS_S)


def test_with_no_result_the_guess_stands() -> None:
    assert fit([], GUESS_CPU) == GUESS_CPU


def test_the_guess_knows_engines_and_devices() -> None:
    assert first_guess("sketch", "cpu") == GUESS_SKETCH
    assert first_guess("audiocraft", "cpu") == GUESS_CPU
    assert first_guess("audiocraft", "cuda:1") == GUESS_ACCELERATED


@pytest.mark.parametrize(("count", "allowed"), [(10, 0.25), (30, 0.12), (200, 0.05)])
def test_more_results_tell_more(count: int, allowed: float) -> None:
    errors = [_worst_error(fit(_points(count, seed=seed), GUESS_CPU)) for seed in range(20)]
    assert sorted(errors)[10] < allowed


def test_one_result_moves_the_guess_towards_it_but_not_all_the_way() -> None:
    guess = LinearWork(10.0, 1.0)
    fitted = fit([(30.0, 80.0)], guess)
    assert guess.work_s(30) < fitted.work_s(30) < 80


def test_results_of_one_length_only_keep_the_guesss_shape() -> None:
    fitted = fit([(30.0, 57.0)] * 50, LinearWork(24.0, 3.0))
    assert fitted.work_s(30) == pytest.approx(57, rel=0.05)
    assert fitted.work_s(120) == pytest.approx(192, rel=0.1)


def test_wild_results_hardly_matter() -> None:
    clean, wild = fit(_points(100), GUESS_CPU), fit(_points(100, wild=12), GUESS_CPU)
    for length_s in DURATIONS_S:
        # Eight of a hundred, each counted as four times too long at most: 8 x 3 %.
        assert wild.work_s(length_s) == pytest.approx(clean.work_s(length_s), rel=0.3)


def test_skewed_results_are_right_on_average() -> None:
    points = _points(400, noise=0.6)
    fitted = fit(points, GUESS_CPU)
    ratios = [work_s / fitted.work_s(duration_s) for duration_s, work_s in points]
    assert sum(ratios) / len(ratios) == pytest.approx(1, abs=0.1)  # the median is 17 % below


@given(st.lists(st.tuples(LENGTHS_S, WORKS_S), max_size=30))
def test_whatever_was_measured_work_is_positive_and_grows_with_length(
    points: list[tuple[float, float]],
) -> None:
    fitted = fit(points, GUESS_ACCELERATED)
    works_s = [fitted.work_s(length_s) for length_s in (1, 30, 180)]
    assert 0 < works_s[0] <= works_s[1] <= works_s[2] < 1e6


def _results(device: str, slower: float, count: int) -> list[Result]:
    return [
        Result("music", "audiocraft", device, length_s, work_s * slower)
        for length_s, work_s in _points(count)
    ]


def test_each_device_has_its_speed_and_a_new_one_that_of_its_kind() -> None:
    table = learn([*_results("cuda:0", 1.0, 60), *_results("cuda:1", 3.0, 60)])
    one, other, new = (table.work_time("music", "audiocraft", f"cuda:{n}").work_s(30) for n in (0, 1, 2))
    assert one == pytest.approx(TRUTH.work_s(30), rel=0.1)
    assert other == pytest.approx(TRUTH.work_s(30) * 3, rel=0.1)
    assert one < new < other


def test_another_engine_learns_nothing_from_it_and_another_model_its_level() -> None:
    table = learn(_results("cuda:0", 3.0, 60))
    assert table.work_time("music", "other", "cuda:0") == GUESS_ACCELERATED
    one, other = (table.work_time(model, "audiocraft", "cuda:0").work_s(30) for model in ("music", "audio"))
    assert other == pytest.approx(one, rel=0.3)
    assert other > 2 * GUESS_ACCELERATED.work_s(30)


def test_the_newest_results_count_most() -> None:
    slow_since = [(30.0, 60.0)] * 30 + [(30.0, 30.0)] * 170
    assert fit(slow_since, GUESS_CPU).work_s(30) > 40


def test_more_results_leave_less_uncertainty() -> None:
    few, many = learn(_results("cuda:0", 1.0, 2)), learn(_results("cuda:0", 1.0, 60))
    where = ("audiocraft", "cuda:0")
    uncertainties = [table.uncertainty("music", *where) for table in (learn([]), few, many)]
    assert uncertainties == sorted(uncertainties, reverse=True)
    assert uncertainties[0] > 1
    assert uncertainties[2] < 0.1
    assert uncertainties[0] > few.uncertainty("audio", *where) > few.uncertainty("music", *where)
