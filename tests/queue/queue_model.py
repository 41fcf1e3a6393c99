"""The queue as it ought to be: plain values, against which the real services are held."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from webapp.clock import Clock
from webapp.policy.accounts.tiers import tier_table
from webapp.policy.queue.job_actions import AdminAction
from webapp.policy.queue.ordering import Affinity, WaitingJob, in_claim_order, next_job
from webapp.policy.queue.skip_prices import skip_cost, skip_prices
from webapp.policy.queue.waiting_jobs import in_order
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import HOUR_MS
from webapp.services.queue.leases import Claim
from webapp.settings import Settings

ACTIVE = ("queued", "processing")


@dataclass
class ModelJob:
    """One job as it ought to be. `holder` is the worker and the fence of the claim that holds it."""

    job_id: str
    account: Identity
    created_ms: int
    line: WaitingJob
    status: str = "queued"
    paid: int = 0
    fence: int = 0
    holder: str | None = None
    lease_expires_ms: int = 0
    started: int = 0
    progress_pct: int = 0
    retry_count: int = 0
    lost_workers: int = 0
    finished_ms: int = 0
    is_moved: bool = False
    was_paid_for: bool = False
    was_brought_back: bool = False
    # What an admin did last of cancelling it and putting it back.
    last_ruling: str = ""


@dataclass
class ModelWorker:
    """A worker as it ought to be; `is_known` once its claims have told what it has loaded."""

    worker_id: str
    affinity: Affinity
    is_known: bool = False
    claims: list[Claim] = field(default_factory=list)


class QueueModel:
    """What each operation ought to do. Refusals are the texts that users see."""

    def __init__(self, settings: Settings, aura: dict[int, int], clock: Clock) -> None:
        self._clock = clock
        self._settings = settings
        self._tiers = tier_table(settings)
        self._prices = skip_prices(settings)
        self._lease_ms = round(settings.lease_s * 1000)
        self.jobs: dict[str, ModelJob] = {}
        self.aura = aura
        self.workers: dict[str, ModelWorker] = {}
        self.is_paused = False
        self._starts = 0

    def waiting(self) -> list[WaitingJob]:
        return [job.line for job in self.jobs.values() if job.status == "queued"]

    def processing(self) -> list[ModelJob]:
        held = [job for job in self.jobs.values() if job.status == "processing"]
        return sorted(held, key=lambda job: job.started)

    def active(self, account: Identity) -> int:
        return sum(job.account == account and job.status in ACTIVE for job in self.jobs.values())

    def shown(self, now_ms: int) -> list[str]:
        """The ids of the active jobs in the order in which they ought to be shown."""
        ids = {job.line.sequence: job.job_id for job in self.jobs.values()}
        line = in_order(self.waiting(), now_ms, self._affinities())
        return [job.job_id for job in self.processing()] + [ids[job.sequence] for job in line]

    def _affinities(self) -> tuple[Affinity, ...]:
        started = {job.holder: job.started for job in self.processing() if job.holder}
        return in_claim_order(
            ((worker.worker_id, worker.affinity) for worker in self.workers.values() if worker.is_known),
            started,
        )

    def _place_if_skipped(self, job: ModelJob, now_ms: int) -> int:
        line = [replace(one, skipped_ms=now_ms) if one == job.line else one for one in self.waiting()]
        return [one.sequence for one in in_order(line, now_ms, self._affinities())].index(job.line.sequence)

    def refusal_to_submit(self, account: Identity, duration_s: float, now_ms: int) -> str | None:
        tier = self._tiers[account.tier]
        own = [job for job in self.jobs.values() if job.account == account]
        if duration_s > tier.max_duration_s:
            return "Duration exceeds your tier limit"
        if self.active(account) >= tier.at_once:
            return f"Too many jobs waiting; your tier allows {tier.at_once}"
        if sum(job.created_ms > now_ms - HOUR_MS for job in own) >= tier.hourly:
            return "Rate limit exceeded"
        if sum(job.status in ACTIVE for job in self.jobs.values()) >= self._settings.queue_limit:
            return "Queue is full"
        return None

    def submit(self, job_id: str, account: Identity, model: str, duration_s: float, now_ms: int) -> None:
        tier = self._tiers[account.tier]
        starves_ms = now_ms + tier.starves_after_ms
        line = WaitingJob(len(self.jobs) + 1, tier.priority, None, starves_ms, model, duration_s)
        self.jobs[job_id] = ModelJob(job_id, account, now_ms, line)

    def refusal_to_cancel(self, account: Identity, job: ModelJob) -> str | None:
        if job.account != account and not account.is_admin:
            return "Not authorized to cancel this job"
        return self._refusal_unless_waiting(job, "cancel")

    def refusal_to_skip(self, account: Identity, job: ModelJob) -> str | None:
        if job.account != account:
            return "Not authorized"
        if refusal := self._refusal_unless_waiting(job, "skip"):
            return refusal
        if job.line.skipped_ms is not None:
            return "Job already skipped"
        now_ms = self._clock.now_ms()
        in_line = self.shown(now_ms)[len(self.processing()) :]
        if in_line.index(job.job_id) <= self._place_if_skipped(job, now_ms):
            return "Job is already at the front"
        if job.was_paid_for:
            return "Job already skipped"
        if self.aura[account.account_id] < self.price(job):
            return "Insufficient Aura balance"
        return None

    def price(self, job: ModelJob) -> int:
        return skip_cost(job.line.duration_s, self._prices)

    def end(self, job: ModelJob, status: str) -> None:
        """The job leaves the queue; unless it was completed, what was paid comes back."""
        job.status, job.holder, job.finished_ms = status, None, self._clock.now_ms()
        if status != "completed":
            self.aura[job.account.account_id] += job.paid
            job.paid = 0

    def next(self, worker: ModelWorker, now_ms: int) -> tuple[ModelJob, Affinity] | None:
        """What the worker ought to be given."""
        taken = None if self.is_paused else next_job(self.waiting(), now_ms, worker.affinity)
        if taken is None:
            return None
        return next(job for job in self.jobs.values() if job.line == taken[0]), taken[1]

    def claim(self, worker: ModelWorker, job: ModelJob, affinity: Affinity, now_ms: int) -> None:
        self._starts += 1
        job.status, job.holder, job.fence = "processing", worker.worker_id, job.fence + 1
        job.lease_expires_ms, job.started, job.progress_pct = now_ms + self._lease_ms, self._starts, 0
        worker.affinity = affinity
        worker.is_known = affinity.ready is not None or affinity.makes is not None

    def holds(self, claim: Claim, now_ms: int) -> ModelJob | None:
        """The job, if this claim still holds it."""
        job = self.jobs[claim.job_id]
        is_held = (
            job.holder == claim.worker_id and job.fence == claim.fence and job.lease_expires_ms >= now_ms
        )
        return job if is_held else None

    def keep(self, job: ModelJob, now_ms: int) -> None:
        job.lease_expires_ms = now_ms + self._lease_ms

    def fail(self, job: ModelJob) -> bool:
        """A failed attempt; returns whether there ought to be another."""
        again = job.retry_count < self._settings.retries
        if again:
            job.retry_count += 1
            self.put_back(job)
        else:
            self.end(job, "failed")
        return again

    def put_back(self, job: ModelJob) -> None:
        job.status, job.holder, job.progress_pct = "queued", None, 0

    def lose_worker(self, job: ModelJob) -> None:
        job.lost_workers += 1
        if job.lost_workers >= self._settings.lost_workers_limit:
            self.end(job, "failed")
        else:
            self.put_back(job)

    def act(self, action: AdminAction, job_ids: Iterable[str]) -> dict[str, str]:
        """An admin's action on each of these that allows it; the words of those that do not, by id."""
        refused = {}
        for job_id in job_ids:
            words = self._refusal_to_act(action, self.jobs[job_id])
            if words is None:
                self._act(action, self.jobs[job_id])
            else:
                refused[job_id] = words
        return refused

    def _refusal_to_act(self, action: AdminAction, job: ModelJob) -> str | None:
        is_full = sum(one.status in ACTIVE for one in self.jobs.values()) >= self._settings.queue_limit
        match action:
            case "cancel":
                return self._refusal_unless_waiting(job, "cancel")
            case "move" | "unmove":
                if refusal := self._refusal_unless_waiting(job, "move"):
                    return refusal
                if action == "move":
                    return None if job.line.skipped_ms is None else "Job is at the front already"
                return None if job.is_moved else "Nobody moved this job"
            case "stop":
                waiting = "Job is not being generated; cancel it instead"
                return {"processing": None, "queued": waiting}.get(job.status, "Job is not in queue")
            case "retry":
                if job.status != "failed":
                    return "Only a failed job can be tried again"
            case "restore":
                if job.status != "cancelled" or job.last_ruling != "cancel":
                    return "Only a job that an admin cancelled can be put back"
        return "Queue is full" if is_full else None

    def _act(self, action: AdminAction, job: ModelJob) -> None:
        now_ms = self._clock.now_ms()
        match action:
            case "cancel":
                self.end(job, "cancelled")
                job.last_ruling = "cancel"
            case "stop":
                self.end(job, "failed")
            case "move":
                job.line, job.is_moved = replace(job.line, skipped_ms=now_ms), True
            case "unmove":
                job.line, job.is_moved = replace(job.line, skipped_ms=None), False
            case "retry" | "restore":
                away_ms = now_ms - job.finished_ms
                job.line = replace(job.line, starves_ms=(job.line.starves_ms or 0) + away_ms)
                job.is_moved = job.line.skipped_ms is not None
                job.retry_count, job.lost_workers, job.was_brought_back = 0, 0, True
                job.last_ruling = "restore" if action == "restore" else job.last_ruling
                self.put_back(job)

    def _refusal_unless_waiting(self, job: ModelJob, action: str) -> str | None:
        if job.status == "processing":
            return f"Cannot {action} a job that is already processing"
        return None if job.status == "queued" else "Job is not in queue"
