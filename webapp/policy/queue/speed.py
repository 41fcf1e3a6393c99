"""Learns how long a clip takes from the newest results, by model, engine and device.

The time is modelled as a fixed part plus a part proportional to the clip's length (`LinearWork`). A few
results are weak evidence, and now and then one is an outlier (a model was loaded, a take was repeated). So
the fit is robust and regularised, towards a prior:

- The prior of a device is the fit for all devices of its kind; theirs is a first guess for the engine.
- The prior fixes the slope more than the level: the guessed level gives way after the first results. It is
  corrected by the median ratio of the engine's results, so models not measured yet profit from the others.
- The fit is iteratively reweighted least squares on relative errors with Huber's weights (P. J. Huber, Robust
  Statistics, 1981); the prior takes part as a few pseudo-results.
- Finally the fit is scaled to the mean of the results, weighted by age, with outliers clipped: waits are sums
  of work, so the mean has to be right.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

# The weight of the prior, in results: for the fit, and for the level alone, which it hardly knows.
GUESS_WEIGHT: Final = 2.0
GUESSED_LEVEL_WEIGHT: Final = 0.1
# In the level, a result weighs half as much as one that came this many results later.
HALF_LIFE: Final = 30.0
GUESS_DURATIONS_S: Final = (5.0, 30.0, 120.0)
MAX_ITERATIONS: Final = 8
CONVERGED: Final = 1e-3
# Huber's threshold: relative errors up to this many robust standard deviations have full weight.
HUBER_DEVIATIONS: Final = 1.5
MAD_TO_DEVIATION: Final = 1.4826
LEAST_DEVIATION: Final = 0.05
# In the level, a result counts as at most this many times longer or shorter than the fit.
LEVEL_CLIP: Final = 4.0
LEAST_WORK_S: Final = 1e-3
ANY_MODEL: Final = ""
# The uncertainty (see `webapp.policy.queue.estimates`) of an engine never measured: a factor of three.
# Results reduce it; one of the model itself weighs as much as several of the engine's other models, which are
# capped.
UNMEASURED_UNCERTAINTY: Final = 1.1
RESULT_WEIGHT: Final = 4.0
MAX_OTHERS_WEIGHT: Final = 3.0


@dataclass(frozen=True, slots=True)
class LinearWork:
    """The time that a clip takes, in seconds, as a linear function of its length in seconds."""

    fixed_s: float
    per_second: float

    def work_s(self, duration_s: float) -> float:
        """Return how long a clip of this length takes."""
        return max(LEAST_WORK_S, self.fixed_s + self.per_second * duration_s)


@dataclass(frozen=True, slots=True)
class Result:
    """A finished job: what it was made on and how long that took."""

    model: str
    engine: str
    device: str
    duration_s: float
    work_s: float


# Before anything was measured: neural models on an accelerator, on a CPU; rules on a CPU.
GUESS_ACCELERATED: Final = LinearWork(2.0, 0.8)
GUESS_CPU: Final = LinearWork(10.0, 8.0)
GUESS_SKETCH: Final = LinearWork(1.0, 0.1)


def kind_of(device: str) -> str:
    """The kind of a device: `cuda:1` is one of `cuda`."""
    return device.partition(":")[0]


def first_guess(engine: str, device: str) -> LinearWork:
    """Return the expected speed of an engine on a device that has not been measured."""
    if engine == "sketch":
        return GUESS_SKETCH
    return GUESS_CPU if kind_of(device) == "cpu" else GUESS_ACCELERATED


@dataclass(frozen=True, slots=True)
class SpeedTable:
    """Fits, and the number of results behind them, by (model, engine, device or kind of device).

    Entries of `ANY_MODEL` are for models that have not been measured.
    """

    fits: Mapping[tuple[str, str, str], LinearWork] = field(default_factory=dict)
    counts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    def work_time(self, model: str, engine: str, device: str) -> LinearWork:
        """Return the best fit there is: the device's own, that of its kind, or a guess."""
        return (
            self.fits.get((model, engine, device))
            or self.fits.get((model, engine, kind_of(device)))
            or self.fits.get((ANY_MODEL, engine, kind_of(device)))
            or first_guess(engine, device)
        )

    def uncertainty(self, model: str, engine: str, device: str) -> float:
        """Return the fit's uncertainty on a logarithmic scale; it shrinks as results come in."""
        kind = kind_of(device)
        alike = self.counts.get((model, engine, kind), 0)
        others = self.counts.get((ANY_MODEL, engine, kind), 0)
        return UNMEASURED_UNCERTAINTY / math.sqrt(1 + RESULT_WEIGHT * alike + min(MAX_OTHERS_WEIGHT, others))


def learn(results: Iterable[Result]) -> SpeedTable:
    """Fit the newest results, those of each model newest first."""
    results = list(results)
    fits = {(ANY_MODEL, engine, kind): guess for (engine, kind), guess in _guesses(results).items()}
    by_kind: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        by_kind.setdefault((result.model, result.engine, kind_of(result.device)), []).append(result)
    for (model, engine, kind), alike in by_kind.items():
        of_kind = fit([(one.duration_s, one.work_s) for one in alike], fits[(ANY_MODEL, engine, kind)])
        by_device: dict[str, list[tuple[float, float]]] = {}
        for one in alike:
            by_device.setdefault(one.device, []).append((one.duration_s, one.work_s))
        for device, points in by_device.items():
            fits[(model, engine, device)] = of_kind if len(by_device) == 1 else fit(points, of_kind)
        fits[(model, engine, kind)] = of_kind
    counts = Counter((one.model, one.engine, kind_of(one.device)) for one in results)
    counts.update((ANY_MODEL, one.engine, kind_of(one.device)) for one in results)
    return SpeedTable(fits, counts)


def _guesses(results: Iterable[Result]) -> dict[tuple[str, str], LinearWork]:
    """Return the prior by engine and kind of device: the first guess, scaled to the results of all models."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in results:
        points.setdefault((one.engine, kind_of(one.device)), []).append((one.duration_s, one.work_s))
    return {
        (engine, kind): _scaled_towards(first_guess(engine, kind), found)
        for (engine, kind), found in points.items()
    }


def fit(points: Sequence[tuple[float, float]], guess: LinearWork) -> LinearWork:
    """Fit (length, work) points, with a guess as the prior. Both coefficients are 0 or more."""
    if not points:
        return guess
    guess = _scaled_towards(guess, points)
    pseudo_points = [(duration_s, guess.work_s(duration_s)) for duration_s in GUESS_DURATIONS_S]
    weights = [1.0] * len(points) + [GUESS_WEIGHT / len(pseudo_points)] * len(pseudo_points)
    everything = [*points, *pseudo_points]
    # Errors are relative, so squared errors are divided by the square of the work: measured at first, then
    # fitted.
    fitted = _least_squares(
        everything, [w / work**2 for w, (_, work) in zip(weights, everything, strict=True)]
    )
    for _ in range(MAX_ITERATIONS):
        errors = [work / fitted.work_s(duration_s) - 1 for duration_s, work in everything]
        threshold = HUBER_DEVIATIONS * max(
            LEAST_DEVIATION, MAD_TO_DEVIATION * median(abs(error) for error in errors[: len(points)])
        )
        before, fitted = (
            fitted,
            _least_squares(
                everything,
                [
                    weight * min(1.0, threshold / max(abs(error), 1e-9)) / fitted.work_s(duration_s) ** 2
                    for weight, error, (duration_s, _) in zip(weights, errors, everything, strict=True)
                ],
            ),
        )
        if all(abs(fitted.work_s(x) / before.work_s(x) - 1) < CONVERGED for x in GUESS_DURATIONS_S):
            break
    return _scaled_to_mean(fitted, points)


def _scaled_towards(guess: LinearWork, points: Sequence[tuple[float, float]]) -> LinearWork:
    """Scale a guess towards the median ratio of the results to it: fully if there are many."""
    ratio = median(work / guess.work_s(duration_s) for duration_s, work in points)
    level = ratio ** (len(points) / (len(points) + GUESSED_LEVEL_WEIGHT))
    return LinearWork(guess.fixed_s * level, guess.per_second * level)


def _least_squares(points: Sequence[tuple[float, float]], weights: Sequence[float]) -> LinearWork:
    """Return the weighted least-squares fit without negative coefficients."""
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    variance = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    covariance = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    slope = covariance / variance
    if slope <= 0:
        return LinearWork(mean_y, 0.0)
    if mean_y - slope * mean_x >= 0:
        return LinearWork(mean_y - slope * mean_x, slope)
    squares = sum(w * x * x for w, (x, _) in zip(weights, points, strict=True))
    return LinearWork(0.0, sum(w * x * y for w, (x, y) in zip(weights, points, strict=True)) / squares)


def _scaled_to_mean(fitted: LinearWork, points: Sequence[tuple[float, float]]) -> LinearWork:
    """Scale a fit so that the results, newest first, are right on average."""
    ratios = [
        min(LEVEL_CLIP, max(1 / LEVEL_CLIP, work / fitted.work_s(duration_s))) for duration_s, work in points
    ]
    weights = [0.5 ** (age / HALF_LIFE) for age in range(len(ratios))]
    weighted = sum(weight * ratio for weight, ratio in zip(weights, ratios, strict=True))
    level = (weighted + GUESS_WEIGHT) / (sum(weights) + GUESS_WEIGHT)
    return LinearWork(fitted.fixed_s * level, fitted.per_second * level)
