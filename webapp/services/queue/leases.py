"""What a worker does to a job: claim, keep, report, complete, fail, hand back.

A claim is a lease with a fencing number. Every write of a worker names both, and raises LeaseLost
when the job is no longer held under them: a worker whose lease lapsed cannot write a result.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database, Row
from webapp.errors import LeaseLost
from webapp.events import Bus, Event
from webapp.policy.generation import SamplingChoice
from webapp.policy.moments import latest_lease_ms
from webapp.services.library.adding import NewSound, shelve
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue.affinity import AffinityStore
from webapp.services.queue.claim_order import ClaimOrder
from webapp.services.queue.lock import queue_transition
from webapp.services.queue.skip_payments import SkipPayments
from webapp.settings import Settings

LOST_TOO_OFTEN = "The job was given up because it stopped {count} workers"


@dataclass(frozen=True, slots=True)
class Claim:
    """A job in a worker's hands, and the proof that it is."""

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

    @property
    def storage_key(self) -> str:
        """Where this claim's files go; another claim of the same job has another place."""
        return f"{self.generation_id}-{self.fence}"


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
        self._lease_ms = round(settings.lease_s * 1000)
        self._retries = settings.retries
        self._lost_workers_limit = settings.lost_workers_limit
        self._bus = bus
        self._payments = payments
        self._affinities = affinities
        self._next = ClaimOrder(database, affinities)

    async def claim(
        self, worker_id: str, ready: Collection[str] | None = None, *, joining: str | None = None
    ) -> Claim | None:
        """Take the next job in line; None when nothing waits or the queue is paused.

        `ready` has the models that the worker can begin without loading, None when none needs loading.
        A worker whose engine is at work on the model `joining` gets a job only if the next is of it.
        """
        if not await self._something_waits(worker_id):
            return None
        # Several workers may have seen the same job waiting: whoever comes too late changes nothing.
        async with queue_transition(self._database, visible=False) as transition:
            now_ms = self._clock.now_ms()
            found = None if transition.is_paused else await self._next.find(worker_id, ready, now_ms)
            if found is None or (joining is not None and found[0]["model"] != joining):
                return None
            job_id, affinity = found[0]["job_id"], found[1]
            rows = await self._database.fetch(
                "UPDATE job SET status = 'processing', worker_id = {}, lease_expires_ms = {},"
                " fence = fence + 1, started_ms = {}, start_order = {}, progress_pct = 0,"
                " device = (SELECT device FROM worker WHERE worker_id = {}) WHERE job_id = {}"
                f" AND {TAKES_JOBS} RETURNING *",
                worker_id,
                now_ms + self._lease_ms,
                now_ms,
                transition.version + 1,
                worker_id,
                job_id,
                worker_id,
            )
            if not rows:
                return None
            await self._affinities.write(worker_id, affinity)
            await self._database.fetch("UPDATE queue_state SET version = version + 1 WHERE id = 1")
        self._bus.publish(Event("queue"), Event("job", job_id))
        return _claim(rows[0], worker_id)

    async def keep(self, worker_id: str, claims: Iterable[Claim]) -> set[tuple[str, int]]:
        """Renew the leases of these claims; returns the (job id, fence) pairs that still hold.

        Only what the worker says it works on is renewed. A job that it was given without learning of it,
        because the connection broke as the claim was written, goes back in line with its lease.
        """
        held = set()
        async with queue_transition(self._database, durable=False, visible=False):
            now_ms = self._clock.now_ms()
            await self._database.fetch(
                "UPDATE worker SET heartbeat_ms = {} WHERE worker_id = {}", now_ms, worker_id
            )
            for claim in claims:
                rows = await self._database.fetch(
                    f"UPDATE job SET lease_expires_ms = {{}} WHERE {HELD} RETURNING job_id, fence",
                    now_ms + self._lease_ms,
                    *_proof(claim, now_ms),
                )
                held |= {(row["job_id"], row["fence"]) for row in rows}
        return held

    async def report_progress(self, claim: Claim, progress_pct: int) -> None:
        """Record how far the job is, 0 to 99; never goes back. Raises LeaseLost."""
        async with queue_transition(self._database, durable=False):
            await self._write(
                claim, "progress_pct = CASE WHEN progress_pct < {} THEN {} ELSE progress_pct END",
                progress_pct, progress_pct,
            )  # fmt: skip
        self._bus.publish(Event("job", claim.job_id))

    async def complete(self, claim: Claim, facts: SoundFacts) -> None:
        """Make the sound visible; its files must be published already. Raises LeaseLost."""
        async with queue_transition(self._database):
            now_ms = self._clock.now_ms()
            await self._write(
                claim, "status = 'completed', worker_id = NULL, lease_expires_ms = NULL, finished_ms = {},"
                " progress_pct = 100, seed = {}", now_ms, facts.seed,
            )  # fmt: skip
            await shelve(_new_sound(claim), facts, now_ms)
        self._bus.publish(Event("queue"), Event("job", claim.job_id))

    async def fail(self, claim: Claim, message: str) -> bool:
        """End a failed attempt: back in line while retries are left, otherwise failed for good.

        Returns whether the job will be tried again. Raises LeaseLost.
        """
        async with queue_transition(self._database):
            rows = await self._database.fetch("SELECT retry_count FROM job WHERE job_id = {}", claim.job_id)
            again = bool(rows) and rows[0]["retry_count"] < self._retries
            if again:
                await self._write(claim, f"{BACK_IN_LINE}, retry_count = retry_count + 1")
            else:
                await self._write(claim, FAILED, message, self._clock.now_ms())
                await self._payments.refund(claim.job_id, "The job failed")
        self._bus.publish(Event("queue"), Event("job", claim.job_id))
        return again

    async def hand_back(self, claim: Claim) -> None:
        """Put the job back at its old place because the worker stops; counts no attempt. Raises LeaseLost."""
        async with queue_transition(self._database):
            await self._write(claim, BACK_IN_LINE)
        self._bus.publish(Event("queue"), Event("job", claim.job_id))

    async def take_back_lapsed(self) -> list[str]:
        """Put jobs whose lease has lapsed back in line; returns their ids."""
        now_ms = self._clock.now_ms()
        # One that ends further ahead than it can was taken before the clock was set back.
        latest_ms = latest_lease_ms(now_ms, self._lease_ms)
        return await self._take_back("(lease_expires_ms < {} OR lease_expires_ms > {})", now_ms, latest_ms)

    async def take_back_from(self, worker_id: str) -> list[str]:
        """Put the jobs of a worker that is known to be dead back in line; returns their ids."""
        return await self._take_back("worker_id = {}", worker_id)

    async def held_storage_keys(self) -> set[str]:
        """Where jobs in hand may be about to put their files."""
        rows = await self._database.fetch("SELECT generation_id, fence FROM job WHERE status = 'processing'")
        return {f"{row['generation_id']}-{row['fence']}" for row in rows}

    async def _something_waits(self, worker_id: str) -> bool:
        """A look without the lock, so that workers with nothing to take do not write."""
        return bool(
            await self._database.fetch(
                "SELECT 1 AS one FROM queue_state WHERE id = 1 AND NOT is_paused"
                f" AND EXISTS (SELECT 1 FROM job WHERE status = 'queued') AND {TAKES_JOBS}",
                worker_id,
            )
        )

    async def _write(self, claim: Claim, assignments: str, *arguments: object) -> None:
        """Change the job only if this claim still holds it."""
        rows = await self._database.fetch(
            f"UPDATE job SET {assignments} WHERE {HELD} RETURNING job_id",
            *arguments,
            *_proof(claim, self._clock.now_ms()),
        )
        if not rows:
            raise LeaseLost(claim.job_id)

    async def _take_back(self, condition: str, *arguments: object) -> list[str]:
        held = await self._database.fetch(
            f"SELECT job_id FROM job WHERE status = 'processing' AND {condition} LIMIT 1", *arguments
        )
        if not held:
            return []
        async with queue_transition(self._database):
            rows = await self._database.fetch(
                f"UPDATE job SET {BACK_IN_LINE}, lost_workers = lost_workers + 1"
                f" WHERE status = 'processing' AND {condition} RETURNING job_id, lost_workers",
                *arguments,
            )
            for row in rows:
                if row["lost_workers"] >= self._lost_workers_limit:
                    await self._give_up(row["job_id"], row["lost_workers"])
        self._bus.publish(Event("queue"), *(Event("job", row["job_id"]) for row in rows))
        return [row["job_id"] for row in rows]

    async def _give_up(self, job_id: str, lost_workers: int) -> None:
        """Fail a job that may be what kills the workers."""
        message = LOST_TOO_OFTEN.format(count=lost_workers)
        await self._database.fetch(
            f"UPDATE job SET {FAILED} WHERE job_id = {{}}", message, self._clock.now_ms(), job_id
        )
        await self._payments.refund(job_id, "The job failed")


BACK_IN_LINE = (
    "status = 'queued', worker_id = NULL, lease_expires_ms = NULL, started_ms = NULL, start_order = NULL,"
    " progress_pct = 0"
)
TAKES_JOBS = "NOT EXISTS (SELECT 1 FROM worker WHERE worker_id = {} AND is_draining)"
# Whether a claim still holds its job; takes what `_proof` gives.
HELD = "job_id = {} AND status = 'processing' AND worker_id = {} AND fence = {} AND lease_expires_ms >= {}"
FAILED = "status = 'failed', worker_id = NULL, lease_expires_ms = NULL, error = {}, finished_ms = {}"


def _proof(claim: Claim, now_ms: int) -> tuple[object, ...]:
    return (claim.job_id, claim.worker_id, claim.fence, now_ms)


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
