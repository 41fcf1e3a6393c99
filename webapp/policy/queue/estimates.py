"""When a waiting job is expected to start.

Each worker takes the next job in line as soon as it has a place for it, and a job takes what
`webapp.policy.queue.speed` says of its model on that worker's device. What comes in meanwhile and goes first
is allowed for by the share of the workers' time that better tiers have been taking lately.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from typing import Final, Protocol

from webapp.policy.queue.speed import SpeedTable

# A job in hand that has taken longer than expected is expected to take this share of that time more.
OVERRUN_SHARE: Final = 0.1
# More than this cannot be told from the line growing without end.
MOST_OVERTAKING: Final = 0.9


# A single job takes so much longer or shorter than expected, as a logarithm.
JOB_DOUBT: Final = 0.3
# How much more doubt there is in a wait of which all is others' overtaking.
OVERTAKING_DOUBT: Final = 0.7
# The work before a bound, as expected and with so much on top.
BOUND_MARGIN: Final = 1.3
# Waits that are late by less than this are told as one number.
SURE_UP_TO: Final = 1.35
AT_ONCE_MS: Final = 30_000


class Clip(Protocol):
    """The facts on which a waiting job's start depends."""

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
class Start:
    """When a job is expected to start, and between which moments it most likely will.

    `is_bounded`: it would be later still, if its limit did not put it in front of better tiers.
    """

    at_ms: int
    early_ms: int
    late_ms: int
    is_bounded: bool = False

    def is_sure(self, now_ms: int) -> bool:
        """Decide if one number tells enough."""
        return self.late_ms - now_ms <= SURE_UP_TO * max(AT_ONCE_MS, self.at_ms - now_ms)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The knowledge from which starts are foretold.

    `overtaking` is the share of all workers' time, 0 to 1, that jobs of better tiers ask for, by priority.
    """

    hands: tuple[Hands, ...]
    speeds: SpeedTable
    overtaking: Mapping[int, float] = field(default_factory=dict)

    def work_ms(self, model: str, duration_s: float) -> float | None:
        """Return how long a clip keeps a worker, when each takes as many as it can; None with no worker."""
        if not self.hands:
            return None
        per_s = sum(
            hands.places.get(model, 1) / self._work_s(hands, model, duration_s) for hands in self.hands
        )
        return len(self.hands) / per_s * 1000

    def usual_s(self, job: InHand) -> float | None:
        """Return a running job's usual time on its worker; None when that one is not listed."""
        hands = next((hands for hands in self.hands if hands.worker_id == job.worker_id), None)
        return None if hands is None else self._work_s(hands, job.model, job.duration_s)

    def starts(self, now_ms: int, *, running: Sequence[InHand], line: Sequence[Clip]) -> list[Start | None]:
        """Expect the start of each job of the line; None of all with no worker.

        A job in the hands of a worker that is not listed keeps nobody waiting.
        """
        if not self.hands:
            return [None] * len(line)
        bounds = self._bounds_ms(line, running, now_ms)
        benches = [self._bench(hands, running, now_ms) for hands in self.hands]
        free = [(bench.earliest_ms(), place) for place, bench in enumerate(benches)]
        heapify(free)
        starts: list[Start | None] = [None] * len(line)
        upcoming = _Upcoming(line)
        ahead = self._in_hand(running, now_ms)
        for _ in line:
            index = upcoming.take(free[0][0])
            clip = line[index]
            start_ms, place = _first_place(free, benches, clip.model)
            wait_ms = self._overtaken_ms(clip, start_ms - now_ms, now_ms)
            starts[index] = _start(
                now_ms, wait_ms, ahead.doubt() + self._overtaking_doubt(clip), bounds[index]
            )
            hands = self.hands[place]
            work_ms = self._work_s(hands, clip.model, clip.duration_s) * 1000
            ahead.add(work_ms, self._speed_doubt(hands, clip.model))
            benches[place].take(clip.model, start_ms, start_ms + work_ms)
            heappush(free, (benches[place].earliest_ms(), place))
        return starts

    def _in_hand(self, running: Sequence[InHand], now_ms: int) -> "_Ahead":
        ahead = _Ahead()
        for hands in self.hands:
            for job in running:
                if job.worker_id == hands.worker_id:
                    left_ms = self._end_ms(hands, job, now_ms) - now_ms
                    ahead.add(left_ms, self._speed_doubt(hands, job.model))
        return ahead

    def _speed_doubt(self, hands: Hands, model: str) -> float:
        return self.speeds.doubt(model, hands.engines.get(model, ""), hands.device)

    def _overtaking_doubt(self, clip: Clip) -> float:
        return OVERTAKING_DOUBT * self.overtaking.get(clip.priority, 0.0) if clip.skipped_ms is None else 0.0

    def _bounds_ms(self, line: Sequence[Clip], running: Sequence[InHand], now_ms: int) -> list[float | None]:
        """Return when each job starts at the latest, if better tiers come without end until its limit.

        From then on only those go before it that are further past their limits, and skips. None for a job
        that has no limit, or stands in front anyway.
        """
        works_ms = [self.work_ms(clip.model, clip.duration_s) or 0.0 for clip in line]
        # One that is being generated when the limit comes is not interrupted.
        in_hand_ms = (self.work_ms(job.model, job.duration_s) or 0.0 for job in running)
        before_ms = max((*works_ms, *in_hand_ms), default=0.0)
        by_limit = sorted(
            (clip.starves_ms if clip.skipped_ms is None else -1, index)
            for index, clip in enumerate(line)
            if clip.skipped_ms is not None or clip.starves_ms is not None
        )
        bounds: list[float | None] = [None] * len(line)
        for limit_ms, index in by_limit:
            if limit_ms is not None and limit_ms >= 0:
                bounds[index] = max(limit_ms, now_ms) + before_ms * BOUND_MARGIN
            before_ms += works_ms[index] / len(self.hands)
        return bounds

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


class _Ahead:
    """The jobs before one, and how far off their work may be together, as a logarithm."""

    def __init__(self) -> None:
        self._jobs = 0
        self._work_ms = 0.0
        self._doubted_ms = 0.0

    def add(self, work_ms: float, doubt: float) -> None:
        """Put a job before the next one."""
        self._jobs += 1
        self._work_ms += work_ms
        self._doubted_ms += work_ms * doubt

    def doubt(self) -> float:
        """Return what speeds leave open, which adds up, and chance, which levels out over many jobs."""
        speed = self._doubted_ms / self._work_ms if self._work_ms else 0.0
        return math.hypot(speed, JOB_DOUBT / math.sqrt(max(1, self._jobs)))


def _start(now_ms: int, wait_ms: float, doubt: float, bound_ms: float | None) -> Start:
    late_ms = now_ms + wait_ms * math.exp(doubt)
    is_bounded = bound_ms is not None and bound_ms < late_ms
    if bound_ms is not None and is_bounded:
        late_ms = max(bound_ms, now_ms + wait_ms)
    return Start(
        at_ms=round(wait_ms) + now_ms,
        early_ms=round(wait_ms * math.exp(-doubt)) + now_ms,
        late_ms=round(late_ms),
        is_bounded=is_bounded,
    )


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
