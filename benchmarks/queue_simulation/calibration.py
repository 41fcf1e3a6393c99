"""Compares the estimates quoted at acceptance with the results."""

from collections import deque
from dataclasses import dataclass
from statistics import median

from benchmarks.queue_simulation.run import Run
from webapp.policy.queue.estimates import Outlook, RunningJob, WorkerProfile
from webapp.policy.queue.ordering import WaitingJob, in_claim_order
from webapp.policy.queue.overtaking import Arrival, overtaking_shares
from webapp.policy.queue.speed import Result, SpeedTable, learn
from webapp.policy.queue.waiting_jobs import in_order

RESULTS_PER_MODEL = 200
ARRIVALS = 300
LEARN_EVERY_MS = 60_000
SHORTEST_SPAN_MS = 600_000
# Shorter waits than this are "at once" to anybody.
AT_ONCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Quote:
    """A wait as it was foretold and as it came, in seconds."""

    priority: int
    expected_s: float
    actual_s: float

    @property
    def relative_error(self) -> float:
        """The error as a share of the wait; of half a minute for shorter ones."""
        return abs(self.expected_s - self.actual_s) / max(self.actual_s, AT_ONCE_S)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Errors of quotes. A bias of 1.1 means that waits were foretold 10 % too long on average."""

    quotes: int
    median_error: float
    bias: float

    @classmethod
    def of(cls, quotes: list[Quote]) -> "Calibration":
        """Over all quotes that were not "at once" both times."""
        waits = [quote for quote in quotes if max(quote.expected_s, quote.actual_s) >= AT_ONCE_S]
        if not waits:
            return cls(0, 0.0, 1.0)
        expected_s, actual_s = (
            sum(quote.expected_s for quote in waits),
            sum(quote.actual_s for quote in waits),
        )
        return cls(len(waits), median(quote.relative_error for quote in waits), expected_s / actual_s)


class Quoting:
    """Quotes every so-manieth job as it is accepted, as the product would, and waits for its start."""

    def __init__(self, every: int) -> None:
        self.quotes: list[Quote] = []
        self._every = every
        self._results: dict[str, deque[Result]] = {}
        self._arrivals: deque[tuple[int, WaitingJob]] = deque(maxlen=ARRIVALS)
        self._open: dict[int, tuple[int, float]] = {}
        self._speeds = SpeedTable()
        self._overtaking: dict[int, float] = {}
        self._learned_ms: int | None = None

    def accepted(self, run: Run, job: WaitingJob, now_ms: int) -> None:
        """A job is about to join the queue."""
        self._arrivals.append((now_ms, job))
        if not self._is_quoted(job):
            return
        waiting, starts_ms = self._foretell(run, job, now_ms)
        start_ms = starts_ms[waiting.index(job)]
        if start_ms is not None:
            self._open[job.sequence] = (now_ms, (start_ms - now_ms) / 1000)

    def _is_quoted(self, job: WaitingJob) -> bool:
        return job.sequence % self._every == 0

    def _foretell(self, run: Run, job: WaitingJob, now_ms: int) -> tuple[list[WaitingJob], list[int | None]]:
        """Return the waiting jobs in order, a new one among them, and when each is expected to start."""
        workers = tuple(
            WorkerProfile(
                worker.worker_id, worker.device, dict.fromkeys(("music", "audio", "magnet"), "simulated")
            )
            for worker in run.workers
        )
        self._learn(workers, now_ms)
        outlook = Outlook(workers, self._speeds, self._overtaking)
        busy = [worker for worker in run.workers if worker.job is not None]
        running = [
            RunningJob(worker.worker_id, worker.started_ms, worker.job.model, worker.job.duration_s)
            for worker in busy
            if worker.job is not None
        ]
        affinities = in_claim_order(
            ((worker.worker_id, worker.affinity) for worker in run.workers),
            {worker.worker_id: worker.started_ms for worker in busy},
        )
        waiting = in_order([*run.waiting, job], now_ms, affinities)
        starts = outlook.starts(now_ms, running=running, waiting=waiting)
        return waiting, [None if start is None else start.at_ms for start in starts]

    def started(self, job: WaitingJob, now_ms: int) -> None:
        """A job starts for the first time; one that was skipped meanwhile was quoted for another place."""
        quoted = self._open.pop(job.sequence, None)
        if quoted is not None and job.skipped_ms is None:
            accepted_ms, expected_s = quoted
            self.quotes.append(Quote(job.priority, expected_s, (now_ms - accepted_ms) / 1000))

    def completed(self, result: Result) -> None:
        """A job was completed."""
        self._results.setdefault(result.model, deque(maxlen=RESULTS_PER_MODEL)).append(result)

    def _learn(self, workers: tuple[WorkerProfile, ...], now_ms: int) -> None:
        if self._learned_ms is not None and now_ms - self._learned_ms < LEARN_EVERY_MS:
            return
        self._learned_ms = now_ms
        self._speeds = learn(result for results in self._results.values() for result in reversed(results))
        outlook = Outlook(workers, self._speeds)
        arrivals = [
            Arrival(at_ms, job.priority, outlook.work_ms(job.model, job.duration_s) or 0)
            for at_ms, job in self._arrivals
        ]
        span_ms = max(SHORTEST_SPAN_MS, now_ms - self._arrivals[0][0])
        self._overtaking = overtaking_shares(
            arrivals, since_ms=now_ms - span_ms, span_ms=span_ms, workers=len(workers)
        )
