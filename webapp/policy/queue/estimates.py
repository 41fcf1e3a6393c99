"""Estimates when each waiting job will start.

A simulation hands the waiting jobs out in order: each worker takes the next job as soon as it has a free
batch slot, and a job takes as long as `webapp.policy.queue.speed` estimates for its model on that worker's
device. Jobs of better tiers that arrive in the meantime are accounted for by the share of the workers' time
that such jobs have been taking recently.

Uncertainties are on a logarithmic scale: an uncertainty u means that a duration may be e^u times longer or
shorter.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from webapp.policy.queue.simulation import FreeWorkers, SimulatedWorker, StartFacts, TakingOrder
from webapp.policy.queue.speed import SpeedTable

# A running job that has taken longer than expected is assumed to need this share of its elapsed time more.
OVERRUN_SHARE: Final = 0.1
# The cap on the share of better tiers: waits grow as 1 / (1 - share), and near 1 they would be meaningless.
MAX_OVERTAKING_SHARE: Final = 0.9

# The uncertainty of a single job's duration.
JOB_UNCERTAINTY: Final = 0.3
# The additional uncertainty of a wait, per unit of the share that better tiers take.
OVERTAKING_UNCERTAINTY: Final = 0.7
# The safety factor on the expected work before a job in its latest start.
LATEST_START_SAFETY_FACTOR: Final = 1.3
# A wait is shown as a single number if its late estimate is at most this many times the expected one.
MAX_RATIO_FOR_SINGLE_NUMBER: Final = 1.35
# Shorter waits than this count as this long in that ratio: nobody minds a few seconds.
SHORT_WAIT_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class RunningJob:
    """A job that a worker is generating."""

    worker_id: str
    started_ms: int
    model: str
    duration_s: float


@dataclass(frozen=True, slots=True)
class WorkerProfile:
    """A worker that takes jobs: its device, and the engine that serves each model there.

    `batch_slots` is the number of jobs of each model that it generates together; 1 for models not listed.
    `makes` are the models that it can make; None for all.
    """

    worker_id: str
    device: str
    engines: Mapping[str, str] = field(default_factory=dict)
    batch_slots: Mapping[str, int] = field(default_factory=dict)
    makes: frozenset[str] | None = None

    def can_make(self, model: str) -> bool:
        """Return whether the worker takes jobs for this model."""
        return self.makes is None or model in self.makes


@dataclass(frozen=True, slots=True)
class Start:
    """The estimated start of a job, and the earliest and latest likely one.

    `is_bounded` means that the starvation limit caps `late_ms`: from then on better tiers no longer overtake
    the job.
    """

    at_ms: int
    early_ms: int
    late_ms: int
    is_bounded: bool = False

    def is_sure(self, now_ms: int) -> bool:
        """Return whether the estimate is precise enough to be shown as a single number."""
        return self.late_ms - now_ms <= MAX_RATIO_FOR_SINGLE_NUMBER * max(SHORT_WAIT_MS, self.at_ms - now_ms)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The inputs of estimates: the workers, their measured speed, and the demand of better tiers.

    `overtaking_shares` is, by priority, the share (0 to 1) of all workers' time that better tiers ask for.
    """

    workers: tuple[WorkerProfile, ...]
    speeds: SpeedTable
    overtaking_shares: Mapping[int, float] = field(default_factory=dict)

    def lacks(self, model: str) -> bool:
        """Return whether there are workers and none of them can make this model."""
        return bool(self.workers) and not any(worker.can_make(model) for worker in self.workers)

    def work_ms(self, model: str, duration_s: float) -> float | None:
        """Return the time that a clip takes the workers that can make it, on average and with full batches.

        None without such a worker.
        """
        able = [worker for worker in self.workers if worker.can_make(model)]
        if not able:
            return None
        able = [worker for worker in self.workers if worker.can_make(model)]
        if not able:
            return None
        return len(able) / self._clips_per_s(able, model, duration_s) * 1000

    def making_s(self, model: str, duration_s: float) -> float | None:
        """Return how long a clip is in a worker's hands on average; None without one that can make it.

        It shares the worker with the rest of its batch, so this is longer than the work it asks for.
        """
        able = [worker for worker in self.workers if worker.can_make(model)]
        if not able:
            return None
        slots = sum(worker.batch_slots.get(model, 1) for worker in able)
        return slots / self._clips_per_s(able, model, duration_s)

    def _clips_per_s(self, able: Sequence[WorkerProfile], model: str, duration_s: float) -> float:
        return sum(
            worker.batch_slots.get(model, 1) / self._work_s(worker, model, duration_s) for worker in able
        )

    def usual_s(self, job: RunningJob) -> float | None:
        """Return a running job's usual duration on its worker; None if that worker is not listed."""
        worker = next((worker for worker in self.workers if worker.worker_id == job.worker_id), None)
        return None if worker is None else self._work_s(worker, job.model, job.duration_s)

    def starts(
        self, now_ms: int, *, running: Sequence[RunningJob], waiting: Sequence[StartFacts]
    ) -> list[Start | None]:
        """Estimate the start of each job of `waiting`, which is in queue order.

        None for a job that no worker can make. Running jobs of workers that are not listed delay nobody.
        """
        if not self.workers:
            return [None] * len(waiting)
        latest_ms = self._latest_starts_ms(waiting, running, now_ms)
        simulated = [self._simulated(worker, running, now_ms) for worker in self.workers]
        free = FreeWorkers(simulated)
        starts: list[Start | None] = [None] * len(waiting)
        order = TakingOrder(waiting)
        ahead = self._running_work(running, now_ms)
        for _ in waiting:
            index = order.take(free.earliest_ms())
            job = waiting[index]
            taken = free.take(job, partial(self._work_of_ms, job))
            if taken is None:
                continue
            wait_ms = self._wait_with_overtaking_ms(job, taken[0] - now_ms, now_ms)
            uncertainty = ahead.uncertainty() + self._overtaking_uncertainty(job)
            starts[index] = _start(now_ms, wait_ms, uncertainty, latest_ms[index])
            worker = self.workers[taken[1]]
            ahead.add(self._job_ms(worker, job), self._speed_uncertainty(worker, job.model))
        return starts

    def _job_ms(self, worker: WorkerProfile, job: StartFacts) -> float:
        return self._work_s(worker, job.model, job.duration_s) * 1000

    def _work_of_ms(self, job: StartFacts, worker_index: int) -> float:
        return self._job_ms(self.workers[worker_index], job)

    def _running_work(self, running: Sequence[RunningJob], now_ms: int) -> "_WorkAhead":
        ahead = _WorkAhead()
        for worker in self.workers:
            for job in running:
                if job.worker_id == worker.worker_id:
                    left_ms = self._end_ms(worker, job, now_ms) - now_ms
                    ahead.add(left_ms, self._speed_uncertainty(worker, job.model))
        return ahead

    def _speed_uncertainty(self, worker: WorkerProfile, model: str) -> float:
        return self.speeds.uncertainty(model, worker.engines.get(model, ""), worker.device)

    def _overtaking_uncertainty(self, job: StartFacts) -> float:
        if job.skipped_ms is not None:
            return 0.0
        return OVERTAKING_UNCERTAINTY * self.overtaking_shares.get(job.priority, 0.0)

    def _latest_starts_ms(
        self, waiting: Sequence[StartFacts], running: Sequence[RunningJob], now_ms: int
    ) -> list[float | None]:
        """Return each job's latest start, assuming that better tiers overtake it until its starvation limit.

        From its limit on, a job waits only for skipped jobs, for jobs with an earlier limit, and for one job
        that is running by then. None for skipped jobs, which nothing overtakes, and for jobs without a limit.
        """
        works_ms = [self.work_ms(job.model, job.duration_s) or 0.0 for job in waiting]
        # Whichever job is running when the limit comes is not interrupted: assume the longest.
        running_ms = (self.work_ms(job.model, job.duration_s) or 0.0 for job in running)
        before_ms = max((*works_ms, *running_ms), default=0.0)
        by_limit = sorted(
            (job.starves_ms if job.skipped_ms is None else -1, index)
            for index, job in enumerate(waiting)
            if job.skipped_ms is not None or job.starves_ms is not None
        )
        latest_ms: list[float | None] = [None] * len(waiting)
        for limit_ms, index in by_limit:
            if limit_ms is not None and limit_ms >= 0:
                latest_ms[index] = max(limit_ms, now_ms) + before_ms * LATEST_START_SAFETY_FACTOR
            before_ms += works_ms[index] / len(self.workers)
        return latest_ms

    def _work_s(self, worker: WorkerProfile, model: str, duration_s: float) -> float:
        engine = worker.engines.get(model, "")
        return self.speeds.work_time(model, engine, worker.device).work_s(duration_s)

    def _simulated(
        self, worker: WorkerProfile, running: Sequence[RunningJob], now_ms: int
    ) -> SimulatedWorker:
        simulated = SimulatedWorker(worker.batch_slots, now_ms, worker.makes)
        for job in sorted(running, key=lambda job: job.started_ms):
            if job.worker_id == worker.worker_id:
                simulated.take(job.model, now_ms, self._end_ms(worker, job, now_ms))
        return simulated

    def _end_ms(self, worker: WorkerProfile, job: RunningJob, now_ms: int) -> float:
        elapsed_ms = max(0, now_ms - job.started_ms)
        left_ms = self._work_s(worker, job.model, job.duration_s) * 1000 - elapsed_ms
        return now_ms + max(left_ms, OVERRUN_SHARE * elapsed_ms)

    def _wait_with_overtaking_ms(self, job: StartFacts, wait_ms: float, now_ms: int) -> float:
        """Extend a simulated wait by the time that better tiers are expected to take in the meantime.

        If they take a share s of the workers' time, the wait becomes 1 / (1 - s) times as long. Past its
        starvation limit a job is no longer overtaken, which caps the extension at s times the time until
        then.
        """
        share = min(self.overtaking_shares.get(job.priority, 0.0), MAX_OVERTAKING_SHARE)
        if job.skipped_ms is not None or share <= 0:
            return wait_ms
        extended_ms = wait_ms / (1 - share)
        if job.starves_ms is None:
            return extended_ms
        return min(extended_ms, wait_ms + share * max(0, job.starves_ms - now_ms))


class _WorkAhead:
    """The work before a job, and how uncertain its total is."""

    def __init__(self) -> None:
        self._jobs = 0
        self._work_ms = 0.0
        self._weighted_uncertainty = 0.0

    def add(self, work_ms: float, uncertainty: float) -> None:
        """Add the work of one job, with the uncertainty of the speed it was estimated from."""
        self._jobs += 1
        self._work_ms += work_ms
        self._weighted_uncertainty += work_ms * uncertainty

    def uncertainty(self) -> float:
        """Return the uncertainty of the total.

        It combines two independent parts. Errors in measured speeds affect all jobs alike, so they are
        averaged by work. Random variation between jobs evens out: it shrinks with the square root of their
        number.
        """
        speed = self._weighted_uncertainty / self._work_ms if self._work_ms else 0.0
        return math.hypot(speed, JOB_UNCERTAINTY / math.sqrt(max(1, self._jobs)))


def _start(now_ms: int, wait_ms: float, uncertainty: float, latest_ms: float | None) -> Start:
    late_ms = now_ms + wait_ms * math.exp(uncertainty)
    is_bounded = latest_ms is not None and latest_ms < late_ms
    if latest_ms is not None and is_bounded:
        late_ms = max(latest_ms, now_ms + wait_ms)
    return Start(
        at_ms=round(wait_ms) + now_ms,
        early_ms=round(wait_ms * math.exp(-uncertainty)) + now_ms,
        late_ms=round(late_ms),
        is_bounded=is_bounded,
    )
