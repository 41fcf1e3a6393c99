"""Learns the time that a clip takes from the newest results by model, engine and device.

Work is a fixed part plus a part that grows with the clip's length. Few results say little, and now
and then one takes many times longer than the others (a model was loaded, a take was made again), so
the line is fitted robustly and drawn towards a first guess:

- a device's line towards that of all devices of its kind, and theirs towards a guess for the engine;
- what the guess says of the level is given up first, of the shape last, and models of one engine that were
  not measured yet take as much longer or shorter than guessed as the others;
- by iteratively reweighted least squares on relative errors with Huber's weights (P. J. Huber, Robust
  Statistics, 1981), the guess standing in as a few results of its own;
- and its level is then set to the mean of the results, the newest counting most and far ones only up to a
  bound: waits add up work, so the mean is what has to be right.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

# How much the guess counts, in results: its shape is worth something, its level may be off many times over.
GUESS_WEIGHT: Final = 2.0
GUESSED_LEVEL_WEIGHT: Final = 0.1
# For the level, a result counts half as much as one that came so many results later.
HALF_LIFE: Final = 30.0
GUESS_DURATIONS_S: Final = (5.0, 30.0, 120.0)
ROUNDS: Final = 8
SETTLED: Final = 1e-3
# Relative errors up to this many robust standard deviations count in full.
HUBER_DEVIATIONS: Final = 1.5
MAD_TO_DEVIATION: Final = 1.4826
LEAST_DEVIATION: Final = 0.05
# A result counts towards the level as at most so many times longer or shorter than the line.
LEVEL_BOUND: Final = 4.0
LEAST_WORK_S: Final = 1e-3
ANY_MODEL: Final = ""
# Nothing is known of an engine on a device: up to three times longer or shorter. A result of the model itself
# tells more than those of other models together.
UNKNOWN_DOUBT: Final = 1.1
RESULT_WEIGHT: Final = 4.0
OTHERS_WEIGHT: Final = 3.0


@dataclass(frozen=True, slots=True)
class WorkLine:
    """Work in seconds as a line over a clip's length in seconds."""

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
GUESS_ACCELERATED: Final = WorkLine(2.0, 0.8)
GUESS_CPU: Final = WorkLine(10.0, 8.0)
GUESS_SKETCH: Final = WorkLine(1.0, 0.1)


def kind_of(device: str) -> str:
    """The kind of a device: `cuda:1` is one of `cuda`."""
    return device.partition(":")[0]


def first_guess(engine: str, device: str) -> WorkLine:
    """Return the expected speed of an engine on a device that has not been measured."""
    if engine == "sketch":
        return GUESS_SKETCH
    return GUESS_CPU if kind_of(device) == "cpu" else GUESS_ACCELERATED


@dataclass(frozen=True, slots=True)
class SpeedTable:
    """Lines by model, engine and device or kind of device, and under no model what is expected of others."""

    lines: Mapping[tuple[str, str, str], WorkLine] = field(default_factory=dict)
    counts: Mapping[tuple[str, str, str], int] = field(default_factory=dict)

    def line(self, model: str, engine: str, device: str) -> WorkLine:
        """The best line there is: the device's own, its kind's, or a guess."""
        return (
            self.lines.get((model, engine, device))
            or self.lines.get((model, engine, kind_of(device)))
            or self.lines.get((ANY_MODEL, engine, kind_of(device)))
            or first_guess(engine, device)
        )

    def doubt(self, model: str, engine: str, device: str) -> float:
        """Return how far off the line may be, as a logarithm: less, the more results it was learned from."""
        kind = kind_of(device)
        alike = self.counts.get((model, engine, kind), 0)
        others = self.counts.get((ANY_MODEL, engine, kind), 0)
        return UNKNOWN_DOUBT / math.sqrt(1 + RESULT_WEIGHT * alike + min(OTHERS_WEIGHT, others))


def learn(results: Iterable[Result]) -> SpeedTable:
    """Learn lines from the newest results, those of each model newest first."""
    results = list(results)
    lines = {(ANY_MODEL, engine, kind): line for (engine, kind), line in _guesses(results).items()}
    by_kind: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        by_kind.setdefault((result.model, result.engine, kind_of(result.device)), []).append(result)
    for (model, engine, kind), alike in by_kind.items():
        of_kind = fit([(one.duration_s, one.work_s) for one in alike], lines[(ANY_MODEL, engine, kind)])
        by_device: dict[str, list[tuple[float, float]]] = {}
        for one in alike:
            by_device.setdefault(one.device, []).append((one.duration_s, one.work_s))
        for device, points in by_device.items():
            lines[(model, engine, device)] = of_kind if len(by_device) == 1 else fit(points, of_kind)
        lines[(model, engine, kind)] = of_kind
    counts = Counter((one.model, one.engine, kind_of(one.device)) for one in results)
    counts.update((ANY_MODEL, one.engine, kind_of(one.device)) for one in results)
    return SpeedTable(lines, counts)


def _guesses(results: Iterable[Result]) -> dict[tuple[str, str], WorkLine]:
    """Guess for each engine and kind of device what a model takes there, by what the others take."""
    points: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for one in results:
        points.setdefault((one.engine, kind_of(one.device)), []).append((one.duration_s, one.work_s))
    return {place: _shifted(first_guess(*place), found) for place, found in points.items()}


def fit(points: Sequence[tuple[float, float]], guess: WorkLine) -> WorkLine:
    """The line through (length, work) points, drawn towards a guess. Both coefficients are 0 or more."""
    if not points:
        return guess
    guess = _shifted(guess, points)
    guessed = [(duration_s, guess.work_s(duration_s)) for duration_s in GUESS_DURATIONS_S]
    weights = [1.0] * len(points) + [GUESS_WEIGHT / len(guessed)] * len(guessed)
    everything = [*points, *guessed]
    line = _through(everything, [w / work**2 for w, (_, work) in zip(weights, everything, strict=True)])
    for _ in range(ROUNDS):
        errors = [work / line.work_s(duration_s) - 1 for duration_s, work in everything]
        bound = HUBER_DEVIATIONS * max(
            LEAST_DEVIATION, MAD_TO_DEVIATION * median(abs(error) for error in errors[: len(points)])
        )
        before, line = (
            line,
            _through(
                everything,
                [
                    weight * min(1.0, bound / max(abs(error), 1e-9)) / line.work_s(duration_s) ** 2
                    for weight, error, (duration_s, _) in zip(weights, errors, everything, strict=True)
                ],
            ),
        )
        if all(abs(line.work_s(x) / before.work_s(x) - 1) < SETTLED for x in GUESS_DURATIONS_S):
            break
    return _levelled(line, points)


def _shifted(guess: WorkLine, points: Sequence[tuple[float, float]]) -> WorkLine:
    """The guess moved towards the middle of the results, the further the more there are."""
    middle = median(work / guess.work_s(duration_s) for duration_s, work in points)
    level = middle ** (len(points) / (len(points) + GUESSED_LEVEL_WEIGHT))
    return WorkLine(guess.fixed_s * level, guess.per_second * level)


def _through(points: Sequence[tuple[float, float]], weights: Sequence[float]) -> WorkLine:
    """The weighted least-squares line without negative coefficients."""
    total = sum(weights)
    mean_x = sum(w * x for w, (x, _) in zip(weights, points, strict=True)) / total
    mean_y = sum(w * y for w, (_, y) in zip(weights, points, strict=True)) / total
    spread = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points, strict=True))
    together = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points, strict=True))
    slope = together / spread
    if slope <= 0:
        return WorkLine(mean_y, 0.0)
    if mean_y - slope * mean_x >= 0:
        return WorkLine(mean_y - slope * mean_x, slope)
    squares = sum(w * x * x for w, (x, _) in zip(weights, points, strict=True))
    return WorkLine(0.0, sum(w * x * y for w, (x, y) in zip(weights, points, strict=True)) / squares)


def _levelled(line: WorkLine, points: Sequence[tuple[float, float]]) -> WorkLine:
    """The line moved up or down so that the results are right on average."""
    ratios = [
        min(LEVEL_BOUND, max(1 / LEVEL_BOUND, work / line.work_s(duration_s))) for duration_s, work in points
    ]
    weights = [0.5 ** (age / HALF_LIFE) for age in range(len(ratios))]
    weighted = sum(weight * ratio for weight, ratio in zip(weights, ratios, strict=True))
    level = (weighted + GUESS_WEIGHT) / (sum(weights) + GUESS_WEIGHT)
    return WorkLine(line.fixed_s * level, line.per_second * level)
