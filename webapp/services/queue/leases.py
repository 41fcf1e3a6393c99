"""The worker's side of the queue: claim, keep, complete, fail, hand back.

The lease protocol itself is `webapp.services.shared.leases`. Jobs add the queue's order and lock, retries,
refunds and the finished sound.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from piccolo.custom_types import Combinable

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.events import Bus, Event
from webapp.policy.generation import SamplingChoice
from webapp.policy.library.sound_sources import SoundSource, source_of_text
from webapp.policy.queue.live_sound import WORKER_STOPPED
from webapp.services.library.adding import NewSound, add_sound
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue import queries
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.claim_order import ClaimOrder
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.skip_payments import SkipPayments
from webapp.services.shared.lease_queries import Kept
from webapp.services.shared.leases import LeasedTable, LeaseStore, Values, storage_key
from webapp.settings import Settings
from webapp.tables import Job

LOST_TOO_OFTEN: Final = "The job was given up because it stopped {count} workers"

LEASED_JOBS: Final = LeasedTable(
    Job,
    on_requeue={
        Job.started_ms: None,
        Job.start_order: None,
        Job.progress_pct: 0,
        Job.is_audible: False,
        Job.interruption: WORKER_STOPPED,
    },
    progress=Job.progress_pct,
)


@dataclass(frozen=True, slots=True)
class Claim:
    """A worker's claim on a job, with the facts that the worker needs to make the sound."""

    job_id: str
    generation_id: str
    account_id: int
    worker_id: str
    fence: int
    prompt: str
    model: str
    duration_s: float
    is_loopable: bool
    seed: int
    seed_was_given: bool
    sampling: SamplingChoice
    submitted_ms: int
    melody: SoundSource | None = None
    continues: str | None = None
    continues_from_s: float | None = None

    @property
    def storage_key(self) -> str:
        """Name the folder of this claim's files."""
        return storage_key(self.generation_id, self.fence)

    @property
    def key(self) -> str:
        """The job's key in the lease protocol."""
        return self.job_id


class Leases:
    """The worker's side of the queue."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        settings: Settings,
        bus: Bus,
        payments: SkipPayments,
        affinities: AffinityStore,
    ) -> None:
        self._database = database
        self._clock = clock
        self._retries = settings.retries
        self._lost_workers_limit = settings.lost_workers_limit
        self._bus = bus
        self._payments = payments
        self._affinities = affinities
        self._claim_order = ClaimOrder(database, affinities)
        self._store = LeaseStore(database, clock, settings, LEASED_JOBS)

    async def claim(
        self, worker_id: str, ready: Collection[str] | None = None, *, joining: str | None = None
    ) -> Claim | None:
        """Take the next job of the queue; None when nothing waits or the queue is paused.

        `ready` holds the models that the worker need not load; None when no model needs loading. A worker
        whose engine is running a batch of the model `joining` gets a job only if the next one is for that
        model.
        """
        # Check without the lock first, so that workers with nothing to take do not write.
        if (worker := await queries.claimant(self._database, worker_id)) is None:
            return None
        # Several workers may have seen the same waiting job; those that come too late change nothing.
        async with queue_transition(self._database, visible=False) as transition:
            now_ms = self._clock.now_ms()
            found = None if transition.is_paused else await self._claim_order.find(worker_id, ready, now_ms)
            if found is None or (joining is not None and found[0]["model"] != joining):
                return None
            job_id, affinity = found[0]["job_id"], found[1]
            row = await self._store.claim(
                job_id,
                worker_id,
                now_ms,
                started_ms=now_ms,
                start_order=transition.version + 1,
                progress_pct=0,
                is_audible=False,
                device=worker["device"],
            )
            if row is None:
                return None
            await self._affinities.write(worker_id, affinity)
            await queries.count_change(self._database)
        self._bus.publish(Event("queue"), Event("job", job_id))
        return _claim(row, worker_id)

    async def keep(
        self, worker_id: str, claims: Iterable[Claim], progress_pct: Mapping[str, int] | None = None
    ) -> Kept:
        """Renew the leases of these claims, and record the progress of jobs, 0 to 99, which never decreases.

        Returns the (job id, fence) pairs that still hold. This is no queue transition and waits for none.
        """
        progress_pct = progress_pct or {}
        kept = await self._store.keep(worker_id, claims, progress_pct)
        self._bus.publish(*(Event("job", job_id) for job_id, _ in kept.held if job_id in progress_pct))
        return kept

    async def complete(self, claim: Claim, facts: SoundFacts) -> None:
        """Make the sound visible; its files must be published already. Raises LeaseLost."""
        async with queue_transition(self._database):
            await self._store.end(claim, "completed", {Job.progress_pct: 100, Job.seed: facts.seed})
            await add_sound(_new_sound(claim), facts, self._clock.now_ms())
        self._bus.publish(Event("queue"), Event("job", claim.job_id))

    async def fail(self, claim: Claim, message: str, *, is_final: bool = False) -> bool:
        """End a failed attempt: the job returns to the queue while it has retries left, and fails otherwise.

        An `is_final` failure is one that no further attempt can mend.
        Returns whether the job will be tried again. Raises LeaseLost.
        """
        async with queue_transition(self._database):
            job = await Job.select(Job.retry_count).where(Job.job_id == claim.job_id).first()
            again = not is_final and job is not None and job["retry_count"] < self._retries
            if again:
                await self._store.requeue(
                    claim, {Job.retry_count: Job.retry_count + 1, Job.interruption: message}
                )
            else:
                await self._store.end(claim, "failed", {Job.error: message})
                await self._payments.refund(claim.job_id, "The job failed")
        self._bus.publish(Event("queue"), Event("job", claim.job_id))
        return again

    async def hand_back(self, claim: Claim) -> None:
        """Return the job to its old position because the worker is stopping; this counts as no attempt.

        Raises LeaseLost.
        """
        async with queue_transition(self._database):
            await self._store.requeue(claim)
        self._bus.publish(Event("queue"), Event("job", claim.job_id))

    async def take_back_lapsed(self) -> list[str]:
        """Put jobs whose lease has lapsed back into the queue; return their ids."""
        return await self._take_back(self._store.lapsed())

    async def take_back_from(self, worker_id: str) -> list[str]:
        """Put the jobs of a worker that is known to be dead back into the queue; return their ids."""
        return await self._take_back(self._store.of_worker(worker_id))

    async def held_storage_keys(self) -> set[str]:
        """Return the storage keys under which running jobs may be about to publish files."""
        return await self._store.held_storage_keys()

    async def _take_back(self, which: Combinable) -> list[str]:
        job_ids = await self._store.take_back(
            which,
            transaction=lambda: queue_transition(self._database),
            lost_workers_limit=self._lost_workers_limit,
            give_up=self._give_up,
        )
        if job_ids:
            self._bus.publish(Event("queue"), *(Event("job", job_id) for job_id in job_ids))
        return job_ids

    async def _give_up(self, job_id: str, lost_workers: int) -> None:
        """Fail a job that may be the cause of the workers' crashes."""
        values: Values = {
            **self._store.ended("failed", self._clock.now_ms()),
            Job.error: LOST_TOO_OFTEN.format(count=lost_workers),
        }
        await Job.update(values).where(Job.job_id == job_id)
        await self._payments.refund(job_id, "The job failed")


def _claim(row: Row, worker_id: str) -> Claim:
    return Claim(
        job_id=row["job_id"],
        generation_id=row["generation_id"],
        account_id=row["account"],
        worker_id=worker_id,
        fence=row["fence"],
        prompt=row["prompt"],
        model=row["model"],
        duration_s=row["duration_s"],
        is_loopable=bool(row["is_loopable"]),
        seed=row["seed"],
        seed_was_given=bool(row["seed_was_given"]),
        sampling=SamplingChoice(row["temperature"], row["top_k"], row["top_p"], row["guidance"]),
        submitted_ms=row["created_ms"],
        melody=source_of_text(row["melody_from"]),
        continues=row["continues"],
        continues_from_s=row["continues_from_s"],
    )


def _new_sound(claim: Claim) -> NewSound:
    return NewSound(
        sound_id=claim.generation_id,
        account_id=claim.account_id,
        storage_key=claim.storage_key,
        model=claim.model,
        prompt=claim.prompt,
        is_loopable=claim.is_loopable,
        job_id=claim.job_id,
    )
