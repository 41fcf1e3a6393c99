"""Taking a request for a sound into the queue."""

from dataclasses import dataclass

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import LimitReached, QueueFull
from webapp.events import Bus, Event
from webapp.ids import Ids
from webapp.policy.estimates import InHand
from webapp.policy.generation import GenerationChoice, check_tier_duration
from webapp.policy.ordering import Affinity, WaitingJob, in_order
from webapp.policy.pricing import skip_cost, skip_prices
from webapp.policy.tiers import Tier, tier_table
from webapp.services.capacity import StorageGuard
from webapp.services.estimates import Estimator
from webapp.services.idempotency import Once
from webapp.services.identity import Identity
from webapp.services.queue_lock import QueueTurn, queue_turn
from webapp.services.rows import in_hand, waiting_job
from webapp.services.turns import Turns
from webapp.services.usage import HOUR_MS, UsageReader
from webapp.settings import Settings
from webapp.tables import Job


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted job. `position` is its place at the moment of acceptance."""

    job_id: str
    position: int
    priority: str


@dataclass(frozen=True, slots=True)
class Quote:
    """What to expect of a job before it is submitted.

    `expected_wait_s` is None when nothing can be said, such as when no worker is there.
    """

    position: int
    expected_wait_s: float | None
    expected_work_s: float | None
    jobs_left_this_hour: int
    at_once_left: int
    skip_cost: int


@dataclass(frozen=True, slots=True)
class _Line:
    """The queue as a newcomer meets it."""

    waiting: list[WaitingJob]
    running: list[InHand]
    turns: tuple[Affinity, ...]

    def with_newcomer(self, newcomer: WaitingJob, now_ms: int) -> list[WaitingJob]:
        """The waiting jobs and one more, in order."""
        return in_order([*self.waiting, newcomer], now_ms, self.turns)


class Submissions:
    """Accepts jobs within the limits of tier and queue; each limit is exact whatever arrives at once."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        bus: Bus,
        *,
        estimator: Estimator,
        storage_guard: StorageGuard,
        usage: UsageReader,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._tiers = tier_table(settings)
        self._prices = skip_prices(settings)
        self._bus = bus
        self._estimator = estimator
        self._storage_guard = storage_guard
        self._usage = usage
        self._turns = Turns(database, settings)

    async def submit(
        self, identity: Identity, choice: GenerationChoice, *, once: Once[Submitted] | None = None
    ) -> Submitted:
        """Put a job in line. It is durable when this returns.

        Under a key (`once`) a request that was accepted before is answered as it was then.

        Raises InvalidRequest (too long for the tier), LimitReached (at once, then per hour), QueueFull
        and StorageFull, in this order.
        """
        if once and (accepted := await once.first_answer()):
            return accepted
        tier = self._tiers[identity.tier]
        check_tier_duration(choice.duration_s, tier.max_duration_s)
        async with queue_turn(self._database) as turn:
            # Again, now that nobody else can be carrying it out.
            if once and (accepted := await once.first_answer()):
                return accepted
            now_ms = self._clock.now_ms()
            await self._check_limits(identity, tier, now_ms)
            position = await self._place_in_line(tier, choice, turn, now_ms)
            await self._storage_guard.check(identity.account_id)
            job = self._job(identity, tier, choice, turn, now_ms)
            await Job.insert(job)
            await self._database.fetch(
                "UPDATE queue_state SET next_sequence = next_sequence + 1 WHERE id = 1"
            )
            submitted = Submitted(job.job_id, position, tier.name)
            if once:
                await once.keep(submitted)
        self._bus.publish(Event("queue"), Event("job", job.job_id))
        return submitted

    async def quote(self, identity: Identity, model: str, duration_s: float) -> Quote:
        """What a job like this would meet if it were submitted now."""
        tier = self._tiers[identity.tier]
        now_ms = self._clock.now_ms()
        usage = await self._usage.of(identity.account_id, identity.tier)
        line = await self._line()
        newcomer = WaitingJob(sequence=2**62, priority=tier.priority, model=model, duration_s=duration_s)
        waiting = line.with_newcomer(newcomer, now_ms)
        ahead = waiting.index(newcomer)
        outlook = await self._estimator.outlook()
        starts = outlook.starts_ms(now_ms, running=line.running, line=waiting[: ahead + 1])
        own_work_ms = outlook.work_ms(model, duration_s)
        return Quote(
            position=len(line.running) + ahead + 1,
            expected_wait_s=None if starts[-1] is None else max(0, starts[-1] - now_ms) / 1000,
            expected_work_s=None if own_work_ms is None else own_work_ms / 1000,
            jobs_left_this_hour=usage.hourly.left,
            at_once_left=usage.at_once.left,
            skip_cost=skip_cost(duration_s, self._prices),
        )

    async def _check_limits(self, identity: Identity, tier: Tier, now_ms: int) -> None:
        active, in_hour = await self._counts(identity.account_id, now_ms)
        if active >= tier.at_once:
            raise LimitReached(f"Too many jobs waiting; your tier allows {tier.at_once}", retry_after_s=30)
        if in_hour >= tier.hourly:
            usage = await self._usage.of(identity.account_id, identity.tier)
            raise LimitReached("Rate limit exceeded", retry_after_s=usage.hour_resets_s or HOUR_MS // 1000)

    async def _counts(self, account_id: int, now_ms: int) -> tuple[int, int]:
        """The account's active jobs, and its jobs accepted within the last hour."""
        rows = await self._database.fetch(
            "SELECT"
            " (SELECT COUNT(*) FROM job WHERE account = {} AND status IN ('queued', 'processing')) AS active,"
            " (SELECT COUNT(*) FROM job WHERE account = {} AND created_ms > {}) AS in_hour",
            account_id,
            account_id,
            now_ms - HOUR_MS,
        )
        return int(rows[0]["active"]), int(rows[0]["in_hour"])

    async def _place_in_line(self, tier: Tier, choice: GenerationChoice, turn: QueueTurn, now_ms: int) -> int:
        """The place that a new job takes; raises QueueFull when there is none."""
        line = await self._line()
        if len(line.waiting) + len(line.running) >= self._settings.queue_limit:
            raise QueueFull
        newcomer = WaitingJob(turn.next_sequence, tier.priority, model=choice.model)
        return len(line.running) + line.with_newcomer(newcomer, now_ms).index(newcomer) + 1

    async def _line(self) -> _Line:
        rows = await self._database.fetch(
            "SELECT status, sequence, priority, skipped_ms, starves_ms, model, duration_s, worker_id,"
            f" started_ms, start_order, {self._turns.column}"
            " FROM job WHERE status IN ('queued', 'processing')"
        )
        processing = [row for row in rows if row["status"] == "processing"]
        return _Line(
            waiting=[waiting_job(row) for row in rows if row["status"] == "queued"],
            running=[in_hand(row) for row in processing],
            turns=self._turns.of(rows[0]["turns"] if rows else None, processing),
        )

    def _job(
        self, identity: Identity, tier: Tier, choice: GenerationChoice, turn: QueueTurn, now_ms: int
    ) -> Job:
        return Job(
            job_id=self._ids.job_id(),
            sequence=turn.next_sequence,
            account=identity.account_id,
            generation_id=self._ids.generation_id(),
            status="queued",
            created_ms=now_ms,
            prompt=choice.prompt,
            model=choice.model,
            duration_s=choice.duration_s,
            is_loopable=choice.is_loopable,
            seed=self._ids.seed() if choice.seed is None else choice.seed,
            seed_was_given=choice.seed is not None,
            temperature=choice.sampling.temperature,
            top_k=choice.sampling.top_k,
            top_p=choice.sampling.top_p,
            guidance=choice.sampling.guidance,
            tier=tier.name,
            priority=tier.priority,
            starves_ms=None if tier.starves_after_ms is None else now_ms + tier.starves_after_ms,
        )
