"""When a waiting job is expected to start.

Each worker takes the next job in line as soon as it has a place for it, and a job takes what
`webapp.policy.speed` says of its model on that worker's device. What comes in meanwhile and goes first
is allowed for by the share of the workers' time that better tiers have been taking lately.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from webapp.policy.speed import SpeedTable

# A job in hand that has taken longer than expected is expected to take this share of that time more.
OVERRUN_SHARE: Final = 0.1
# More than this cannot be told from the line growing without end.
MOST_OVERTAKING: Final = 0.9


class Clip(Protocol):
    """What a waiting job's start depends on."""

    @property
    def model(self) -> str: ...
    @property
    def duration_s(self) -> float: ...
    @property
    def priority(self) -> int: ...
    @property
    def skipped_ms(self) -> int | None: ...
    @property
    def starves_ms(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class InHand:
    """A job that a worker is generating."""

    worker_id: str
    started_ms: int
    model: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class Hands:
    """A worker that takes jobs: what it runs on, and the engine that serves each model there.

    `places` says how many jobs of a model it makes at once, 1 where it does not say.
    """

    worker_id: str
    device: str
    engines: Mapping[str, str] = field(default_factory=dict)
    places: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of the time to come.

    `overtaking` is the share of all workers' time, 0 to 1, that jobs of better tiers ask for, by priority.
    """

    hands: tuple[Hands, ...]
    speeds: SpeedTable
    overtaking: Mapping[int, float] = field(default_factory=dict)

    def work_ms(self, model: str, duration_s: float) -> float | None:
        """How long a clip keeps a worker, when each takes as many as it can; None with no worker."""
        if not self.hands:
            return None
        per_s = sum(
            hands.places.get(model, 1) / self._work_s(hands, model, duration_s) for hands in self.hands
        )
        return len(self.hands) / per_s * 1000

    def usual_s(self, job: InHand) -> float | None:
        """What a job in hand usually takes on its worker; None when that one is not listed."""
        hands = next((hands for hands in self.hands if hands.worker_id == job.worker_id), None)
        return None if hands is None else self._work_s(hands, job.model, job.duration_s)

    def starts_ms(self, now_ms: int, *, running: Sequence[InHand], line: Sequence[Clip]) -> list[int | None]:
        """The moment at which each job of the line is expected to start; None of all with no worker.

        A job in the hands of a worker that is not listed keeps nobody waiting.
        """
        if not self.hands:
            return [None] * len(line)
        benches = [self._bench(hands, running, now_ms) for hands in self.hands]
        free = [(bench.earliest_ms(), place) for place, bench in enumerate(benches)]
        heapify(free)
        starts: list[int | None] = [None] * len(line)
        upcoming = _Upcoming(line)
        for _ in line:
            index = upcoming.take(free[0][0])
            clip = line[index]
            start_ms, place = _first_place(free, benches, clip.model)
            starts[index] = round(self._overtaken_ms(clip, start_ms - now_ms, now_ms)) + now_ms
            work_ms = self._work_s(self.hands[place], clip.model, clip.duration_s) * 1000
            benches[place].take(clip.model, start_ms, start_ms + work_ms)
            heappush(free, (benches[place].earliest_ms(), place))
        return starts

    def _work_s(self, hands: Hands, model: str, duration_s: float) -> float:
        return self.speeds.line(model, hands.engines.get(model, ""), hands.device).work_s(duration_s)

    def _bench(self, hands: Hands, running: Sequence[InHand], now_ms: int) -> "_Bench":
        bench = _Bench(hands.places, now_ms)
        for job in sorted(running, key=lambda job: job.started_ms):
            if job.worker_id == hands.worker_id:
                bench.take(job.model, now_ms, self._end_ms(hands, job, now_ms))
        return bench

    def _end_ms(self, hands: Hands, job: InHand, now_ms: int) -> float:
        elapsed_ms = max(0, now_ms - job.started_ms)
        left_ms = self._work_s(hands, job.model, job.duration_s) * 1000 - elapsed_ms
        return now_ms + max(left_ms, OVERRUN_SHARE * elapsed_ms)

    def _overtaken_ms(self, clip: Clip, wait_ms: float, now_ms: int) -> float:
        """A wait, given what would go first if nobody else came: longer by what better tiers will take.

        From its limit on a job is no longer overtaken by them.
        """
        share = min(self.overtaking.get(clip.priority, 0.0), MOST_OVERTAKING)
        if clip.skipped_ms is not None or share <= 0:
            return wait_ms
        stretched_ms = wait_ms / (1 - share)
        if clip.starves_ms is None:
            return stretched_ms
        return min(stretched_ms, wait_ms + share * max(0, clip.starves_ms - now_ms))


class _Bench:
    """The jobs that one worker makes at once, all of one model, and when each will be done."""

    def __init__(self, places: Mapping[str, int], now_ms: float) -> None:
        self._places = places
        self._model = ""
        self._ends: list[float] = []
        self._since_ms = now_ms

    def earliest_ms(self) -> float:
        """When the worker can take a job, should it be of the model that suits it best."""
        return self.free_ms(self._model)

    def free_ms(self, model: str) -> float:
        """When the worker can take a job of a model: at once beside others of it, or when they are done."""
        ends = [end for end in self._ends if end > self._since_ms]
        if not ends:
            return self._since_ms
        if model != self._model:
            return max(ends)
        too_many = len(ends) - self._places.get(model, 1)
        return self._since_ms if too_many < 0 else sorted(ends)[too_many]

    def take(self, model: str, start_ms: float, end_ms: float) -> None:
        """Give the worker a job."""
        self._since_ms = start_ms
        self._ends = [end for end in self._ends if end > start_ms]
        self._ends.append(end_ms)
        self._model = model


def _first_place(free: list[tuple[float, int]], benches: Sequence[_Bench], model: str) -> tuple[float, int]:
    """The worker that can take a job of a model first, and when; it is taken off the heap `free`."""
    first = heappop(free)
    looked_at = [first]
    best = (benches[first[1]].free_ms(model), first[1])
    while free and free[0][0] < best[0]:
        entry = heappop(free)
        looked_at.append(entry)
        best = min(best, (benches[entry[1]].free_ms(model), entry[1]))
    for entry in looked_at:
        if entry[1] != best[1]:
            heappush(free, entry)
    return best


class _Upcoming:
    """A line as it will be taken: in order, but jobs that begin to starve meanwhile go first."""

    def __init__(self, line: Sequence[Clip]) -> None:
        self._line = line
        self._taken = [False] * len(line)
        self._first = 0
        self._starving = [
            (clip.starves_ms, index)
            for index, clip in enumerate(line)
            if clip.skipped_ms is None and clip.starves_ms is not None
        ]
        heapify(self._starving)

    def take(self, at_ms: float) -> int:
        """The index of the job that is taken at a moment."""
        while self._taken[self._first]:
            self._first += 1
        while self._starving and self._taken[self._starving[0][1]]:
            heappop(self._starving)
        index = self._first
        if self._line[index].skipped_ms is None and self._starving and self._starving[0][0] <= at_ms:
            index = self._starving[0][1]
        self._taken[index] = True
        return index


def overtaking(work_ms: Mapping[int, float], span_ms: float, workers: int) -> dict[int, float]:
    """The share of the workers' time that better tiers ask for, by priority.

    `work_ms` is the work that came in during `span_ms`, by priority.
    """
    shares: dict[int, float] = {}
    before = 0.0
    for priority in sorted(work_ms):
        shares[priority] = before
        if span_ms > 0 and workers > 0:
            before += work_ms[priority] / (span_ms * workers)
    return shares
