"""One run: arrivals, workers and a policy, from event to event."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from random import Random
from typing import Final, Literal, Protocol

from benchmarks.queue_simulation.world import CUSTOMERS, Arrival, World
from webapp.policy.accounts.tiers import tier_table
from webapp.policy.queue.ordering import INDIFFERENT, Affinity, WaitingJob
from webapp.policy.queue.speed import Result
from webapp.policy.queue.waiting_jobs import WaitingJobs
from webapp.settings import Settings

Policy = Literal["product", "fifo", "strict"]
POLICIES: Final[tuple[Policy, ...]] = ("product", "fifo", "strict")

FINISH, SKIP, CANCEL, BACK = range(4)


@dataclass(slots=True)
class Outcome:
    """The result of a run. Waits and starvation in milliseconds, by tier.

    A wait ends with the first start, or with the run for a job that still waits then. Starvation is the
    part of a wait beyond the tier's limit.
    """

    waits_ms: dict[str, list[int]] = field(default_factory=lambda: {tier: [] for tier in CUSTOMERS})
    starvation_ms: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CUSTOMERS, 0))
    refused: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CUSTOMERS, 0))
    attempts: int = 0
    switches: int = 0
    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    skipped: int = 0
    ended_ms: int = 0


@dataclass(slots=True)
class WorkerState:
    """A worker: its device, what it has loaded, and the job in its hands."""

    worker_id: str
    device: str
    affinity: Affinity
    loaded: str | None = None
    job: WaitingJob | None = None
    started_ms: int = 0


class Observer(Protocol):
    """Somebody who watches a run."""

    def accepted(self, run: "Run", job: WaitingJob, now_ms: int) -> None: ...
    def started(self, job: WaitingJob, now_ms: int) -> None: ...
    def completed(self, result: Result) -> None: ...


class Run:
    """The state of a run between two events."""

    def __init__(
        self,
        world: World,
        policy: Policy,
        *,
        seed: int,
        settings: Settings | None = None,
        observer: Observer | None = None,
    ) -> None:
        settings = settings or Settings()
        self.world = world
        self.waiting: WaitingJobs[WaitingJob] = WaitingJobs()
        self.outcome = Outcome()
        self._policy = policy
        self._tiers = tier_table(settings)
        self._retries = settings.retries
        self._observer = observer
        self._chance = Random(seed)
        first = Affinity(frozenset(), 0, settings.affinity_limit) if policy == "product" else INDIFFERENT
        self.workers = [WorkerState(f"{n:012x}", world.device_of(n), first) for n in range(world.workers)]
        self._idle = list(self.workers)
        self._jobs: list[Arrival] = []
        self._attempts: dict[int, int] = {}
        self._active = 0
        self._events: list[tuple[int, int, int, WorkerState | None]] = []

    def run(self, arrivals: Iterable[Arrival]) -> Outcome:
        """Let everything come in and be done as far as the time of the last arrival."""
        now_ms = 0
        for arrival in arrivals:
            while self._events and self._events[0][0] <= arrival.at_ms:
                self._happen(*heappop(self._events))
            now_ms = arrival.at_ms
            self._arrive(arrival, now_ms)
        self.outcome.ended_ms = now_ms
        for job in self.waiting:
            if job.sequence not in self._attempts:
                self._note_wait(job, now_ms)
        return self.outcome

    def _arrive(self, arrival: Arrival, now_ms: int) -> None:
        sequence = len(self._jobs)
        self._jobs.append(arrival)
        if self._active >= self.world.queue_limit:
            self.outcome.refused[arrival.tier] += 1
            return
        self._active += 1
        job = self._waiting(sequence, arrival)
        if self._observer:
            self._observer.accepted(self, job, now_ms)
        self.waiting.add(job)
        if arrival.skip_after_ms is not None:
            self._plan(now_ms + arrival.skip_after_ms, sequence, SKIP)
        if arrival.cancel_after_ms is not None:
            self._plan(now_ms + arrival.cancel_after_ms, sequence, CANCEL)
        self._dispatch(now_ms)

    def _waiting(self, sequence: int, arrival: Arrival) -> WaitingJob:
        """The job as the policy sees it: the baselines know less of it."""
        tier = self._tiers[arrival.tier]
        starves_ms = arrival.at_ms + tier.starves_after_ms
        return WaitingJob(
            sequence=sequence,
            priority=0 if self._policy == "fifo" else tier.priority,
            starves_ms=starves_ms if self._policy == "product" else None,
            model=arrival.model,
            duration_s=arrival.duration_s,
        )

    def _plan(self, at_ms: int, sequence: int, kind: int, worker: WorkerState | None = None) -> None:
        # The kind is kept with the sequence number: unequal entries never compare their workers.
        heappush(self._events, (at_ms, sequence * 4 + kind, kind, worker))

    def _happen(self, now_ms: int, entry: int, kind: int, worker: WorkerState | None) -> None:
        sequence = entry // 4
        if kind == SKIP:
            job = self.waiting.get(sequence)
            if job is not None and self._policy != "fifo":
                self.waiting.add(replace(job, skipped_ms=now_ms))
                self.outcome.skipped += 1
        elif kind == CANCEL:
            job = self.waiting.get(sequence)
            if job is not None:
                if sequence not in self._attempts:
                    self._note_wait(job, now_ms)
                self.waiting.remove(sequence)
                self._active -= 1
                self.outcome.cancelled += 1
        elif worker is not None:
            self._finish(worker, now_ms)
            self._dispatch(now_ms)

    def _dispatch(self, now_ms: int) -> None:
        """Idle workers, whichever happens to ask first, take what the policy gives them."""
        while self._idle and len(self.waiting):
            index = self._chance.randrange(len(self._idle))
            self._idle[index], self._idle[-1] = self._idle[-1], self._idle[index]
            worker = self._idle.pop()
            taken = self.waiting.take(now_ms, worker.affinity)
            if taken is not None:
                job, worker.affinity = taken
                self._start(worker, job, now_ms)

    def _start(self, worker: WorkerState, job: WaitingJob, now_ms: int) -> None:
        arrival, model = self._jobs[job.sequence], self.world.models[job.model]
        attempt = self._attempts.get(job.sequence, 0)
        if attempt == 0:
            self._note_wait(job, now_ms)
            if self._observer:
                self._observer.started(job, now_ms)
        self._attempts[job.sequence] = attempt + 1
        self.outcome.attempts += 1
        work_s = model.work.work_s(job.duration_s) * arrival.noise
        if attempt < arrival.crashes + arrival.failures:
            work_s *= arrival.failing_share
        if worker.loaded != job.model:
            self.outcome.switches += 1
            work_s += model.load_s
        worker.loaded, worker.job, worker.started_ms = job.model, job, now_ms
        took_ms = max(1, int(work_s * self.world.devices[worker.device].slower * 1000))
        if attempt < arrival.crashes:
            took_ms += int(self.world.crash_noticed_s * 1000)
        self._plan(now_ms + took_ms, job.sequence, FINISH, worker)

    def _finish(self, worker: WorkerState, now_ms: int) -> None:
        job = worker.job
        assert job is not None
        worker.job = None
        self._idle.append(worker)
        arrival, attempts = self._jobs[job.sequence], self._attempts[job.sequence]
        if attempts <= arrival.crashes:
            # A new worker in its place, with nothing loaded.
            worker.loaded = None
            if worker.affinity.ready is not None:
                worker.affinity = replace(worker.affinity, ready=frozenset(), streak=0)
            self.waiting.add(job)
        elif attempts <= arrival.crashes + min(arrival.failures, self._retries):
            self.waiting.add(job)
        else:
            self._active -= 1
            if arrival.failures > self._retries:
                self.outcome.failed += 1
                return
            self.outcome.completed += 1
            if self._observer:
                work_s = (now_ms - worker.started_ms) / 1000
                self._observer.completed(
                    Result(job.model, "simulated", worker.device, job.duration_s, work_s)
                )

    def _note_wait(self, job: WaitingJob, now_ms: int) -> None:
        arrival = self._jobs[job.sequence]
        wait_ms = now_ms - arrival.at_ms
        self.outcome.waits_ms[arrival.tier].append(wait_ms)
        past_ms = wait_ms - self._tiers[arrival.tier].starves_after_ms
        self.outcome.starvation_ms[arrival.tier] = max(past_ms, self.outcome.starvation_ms[arrival.tier])


def percentile(values: Sequence[int], percent: float) -> int:
    """The nearest-rank percentile of sorted values; 0 of none."""
    return values[min(len(values) - 1, int(len(values) * percent / 100))] if values else 0
