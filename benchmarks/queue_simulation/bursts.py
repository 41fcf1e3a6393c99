"""Bursts: many jobs within a minute on a quiet server, and what is told of the line right after each."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from benchmarks.queue_simulation.calibration import Quote, Quoting
from benchmarks.queue_simulation.run import Run
from benchmarks.queue_simulation.world import CUSTOMERS, MODELS, Arrival, Device, World
from webapp.policy.queue.ordering import WaitingJob
from webapp.settings import Settings

MIXED: Final = ("creator", "premium", "supporter", "free")
BURST_MS: Final = 45_000
# Long enough for the longest line to empty, short enough for bursts to be taken for a rate.
APART_MS: Final = 900_000
# A few jobs that come one by one before the first burst: so much a server has seen before it is in demand.
BEFORE: Final = 12


@dataclass(frozen=True, slots=True)
class Burst:
    """The estimates for the jobs of one line, and their results."""

    quotes: tuple[Quote, ...]

    def errors(self, least_s: float) -> list[float]:
        """The errors as shares of the waits, of those who wait for so long at least."""
        return [
            abs(quote.expected_s / quote.actual_s - 1) for quote in self.quotes if quote.actual_s >= least_s
        ]


def server(*, loads: bool) -> World:
    """One worker that takes some seconds for a sound; with `loads`, as long again to change the model."""
    models = {name: model if loads else replace(model, load_s=0) for name, model in MODELS.items()}
    return World(
        workers=1, queue_limit=1_000, failed_attempts=0, crashed_attempts=0, skipping=0, cancelling=0,
        devices={"cpu": Device(1.0, 0.1)}, models=models,
    )  # fmt: skip


def replay(bursts: int, world: World, *, seed: int) -> list[Burst]:
    """Let so many bursts come in, one after the other, and quote the whole line at the end of each."""
    asked = list(_arrivals(bursts, Random(seed)))
    ends = {n for n, one in enumerate(asked) if n >= BEFORE and _ends_burst(asked, n) and one.at_ms}
    quoting = _AfterBursts(frozenset(ends))
    Run(world, "product", seed=seed, settings=Settings(), observer=quoting).run(asked)
    return [Burst(tuple(quotes)) for quotes in quoting.by_burst.values() if quotes]


def _ends_burst(asked: list[Arrival], number: int) -> bool:
    return number + 1 < len(asked) and asked[number + 1].at_ms - asked[number].at_ms > BURST_MS


def _arrivals(bursts: int, chance: Random) -> Iterator[Arrival]:
    for number in range(BEFORE):
        yield _arrival(number * 20_000, chance, "free")
    for number in range(1, bursts + 1):
        first_ms = number * APART_MS
        size = chance.randint(30, 70)
        for at_ms in sorted(chance.randrange(BURST_MS) for _ in range(size)):
            yield _arrival(first_ms + at_ms, chance, chance.choice(MIXED))
    # Time for the last line.
    yield _arrival((bursts + 1) * APART_MS, chance, "free")


def _arrival(at_ms: int, chance: Random, tier: str) -> Arrival:
    return Arrival(
        at_ms=at_ms,
        tier=tier,
        model=chance.choice(list(MODELS)),
        duration_s=min(30, chance.choice(CUSTOMERS[tier].durations_s)),
        noise=chance.lognormvariate(0, 0.25),
        failures=0,
        crashes=0,
        failing_share=0,
        skip_after_ms=None,
        cancel_after_ms=None,
    )


@dataclass(slots=True)
class _Told:
    """An estimate for a job: in which burst, when and which wait."""

    burst: int
    at_ms: int
    expected_s: float


class _AfterBursts(Quoting):
    """Quotes every job that waits when a burst ends."""

    def __init__(self, ends: frozenset[int]) -> None:
        super().__init__(every=1)
        self.by_burst: dict[int, list[Quote]] = {}
        self._ends = ends
        self._told: dict[int, _Told] = {}

    def accepted(self, run: Run, job: WaitingJob, now_ms: int) -> None:
        """A job is about to join the line; if it is the last of a burst, the line is quoted with it."""
        self._arrivals.append((now_ms, job))
        if job.sequence not in self._ends:
            return
        line, starts_ms = self._foretell(run, job, now_ms)
        for waiting, start_ms in zip(line, starts_ms, strict=True):
            if start_ms is not None:
                self._told[waiting.sequence] = _Told(job.sequence, now_ms, (start_ms - now_ms) / 1000)

    def started(self, job: WaitingJob, now_ms: int) -> None:
        """A job starts."""
        told = self._told.pop(job.sequence, None)
        if told is not None:
            actual_s = (now_ms - told.at_ms) / 1000
            quote = Quote(job.priority, told.expected_s, actual_s)
            self.by_burst.setdefault(told.burst, []).append(quote)
