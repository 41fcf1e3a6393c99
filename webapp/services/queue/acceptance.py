"""Accepts jobs: several in one transaction, each within all limits."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import AuthenticationRequired, LimitReached, ProductError, QueueFull, StorageFull
from webapp.ids import Ids
from webapp.policy.accounts.tiers import Tier
from webapp.policy.generation import GenerationChoice
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.positions import QueuePositions
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import HOUR_MS, UsageReader, at_once_policy, hour_policy
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.queue import queries
from webapp.services.queue.continuations import continuation_columns
from webapp.services.queue.lock import QueueTransition, queue_transition
from webapp.services.queue.waiting import WaitingQueueReader
from webapp.services.shared.idempotency import Once

# When a job will end is not known; a retry sooner than this is rarely useful.
AT_ONCE_RETRY_S: Final = 30


@dataclass(frozen=True, slots=True)
class Submitted:
    """An accepted job. `position` is its queue position at the moment of acceptance.

    `others` are the further takes of the same request, in their order.
    """

    job_id: str
    position: int
    priority: str
    others: "tuple[Submitted, ...]" = ()

    @property
    def jobs(self) -> "tuple[Submitted, ...]":
        """Return all takes of the request, this one first."""
        return self, *self.others


@dataclass(frozen=True, slots=True)
class Application:
    """A request for a job that is valid by itself; with `takes`, for so many variations of it.

    `once` is its idempotency key, if it has one; `trace` is where its trace goes on.
    """

    identity: Identity
    tier: Tier
    choice: GenerationChoice
    once: Once[Submitted] | None
    takes: int = 1
    trace: str = ""


class _Undone(Exception):
    """Rolls a transaction back."""


@dataclass(slots=True)
class _Capacity:
    """The remaining capacity, counted once in a transaction and updated as jobs are accepted."""

    now_ms: int
    next_sequence: int
    running: int
    positions: QueuePositions[WaitingJob]
    active: dict[int, int]
    in_hour: dict[int, int]
    full: Mapping[int, str]
    accepted: list[Mapping[str, object]] = field(default_factory=list)


class Acceptance:
    """Decides on applications in their order, as if each came by itself."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        ids: Ids,
        *,
        queue_limit: int,
        waiting_queue: WaitingQueueReader,
        storage_guard: StorageGuard,
        usage: UsageReader,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ids = ids
        self._queue_limit = queue_limit
        self._waiting_queue = waiting_queue
        self._storage_guard = storage_guard
        self._usage = usage

    async def decide(self, applications: Sequence[Application]) -> Sequence[Submitted | Exception]:
        """Return the accepted job of each application, or the error to answer it with.

        Accepted jobs are durable when this returns; a refusal leaves no trace. If one application fails
        unexpectedly, the transaction is rolled back and repeated without it. Raises errors that affect all.
        """
        outcomes: dict[int, Submitted | Exception] = {}
        while len(outcomes) < len(applications):
            left = {number: one for number, one in enumerate(applications) if number not in outcomes}
            outcomes |= await self._decide_together(left)
        return [outcomes[number] for number in range(len(applications))]

    async def _decide_together(
        self, applications: Mapping[int, Application]
    ) -> dict[int, Submitted | Exception]:
        """Return the outcomes of all; or only the error of one that failed unexpectedly."""
        outcomes: dict[int, Submitted | Exception] = {}
        with suppress(_Undone):
            account_ids = {one.identity.account_id for one in applications.values()}
            async with queue_transition(self._database) as transition:
                capacity = await self._capacity(transition, account_ids)
                for number, application in applications.items():
                    try:
                        outcomes[number] = await self._decide(application, capacity)
                    except Exception as failure:
                        outcomes = {number: failure}
                        raise _Undone from failure
                if not capacity.accepted:
                    raise _Undone
                await queries.insert_jobs(self._database, capacity.accepted, capacity.next_sequence)
        return outcomes

    async def _decide(self, application: Application, capacity: _Capacity) -> Submitted | ProductError:
        try:
            # Checked again under the lock: an identical request may have been accepted in the meantime.
            if application.once and (accepted := await application.once.first_answer()):
                return accepted
            await self._check_limits(application, capacity)
        except ProductError as refusal:
            return refusal
        variation_of = capacity.next_sequence if application.takes > 1 else None
        first, *others = [
            self._accept(application, choice, capacity, variation_of)
            for choice in application.choice.variations(application.takes)
        ]
        submitted = replace(first, others=tuple(others))
        if application.once:
            await application.once.keep(submitted)
        return submitted

    async def _check_limits(self, application: Application, capacity: _Capacity) -> None:
        """Raise LimitReached (at once, then per hour), QueueFull and StorageFull, in this order."""
        account_id, tier, takes = application.identity.account_id, application.tier, application.takes
        if account_id not in capacity.active:
            raise AuthenticationRequired
        if capacity.active[account_id] + takes > tier.at_once:
            raise LimitReached(
                f"Too many jobs waiting; your tier allows {tier.at_once}",
                retry_after_s=AT_ONCE_RETRY_S,
                policy=at_once_policy(tier.at_once),
            )
        if capacity.in_hour[account_id] + takes > tier.hourly:
            usage = await self._usage.of(account_id, tier.name)
            raise LimitReached(
                "Rate limit exceeded",
                retry_after_s=usage.hour_resets_s or HOUR_MS // 1000,
                policy=hour_policy(tier.hourly),
            )
        if capacity.running + len(capacity.positions) + takes > self._queue_limit:
            raise QueueFull
        if account_id in capacity.full:
            raise StorageFull(capacity.full[account_id])

    def _accept(
        self,
        application: Application,
        choice: GenerationChoice,
        capacity: _Capacity,
        variation_of: int | None,
    ) -> Submitted:
        tier, account_id = application.tier, application.identity.account_id
        newcomer = WaitingJob(capacity.next_sequence, tier.priority, model=choice.model)
        position = capacity.running + capacity.positions.of(newcomer) + 1
        submitted = Submitted(self._ids.job_id(), position, tier.name)
        row = self._row(application, choice, submitted.job_id, capacity)
        capacity.accepted.append({**row, "variation_of": variation_of})
        capacity.positions.add(newcomer)
        capacity.next_sequence += 1
        capacity.active[account_id] += 1
        capacity.in_hour[account_id] += 1
        return submitted

    def _row(
        self, application: Application, choice: GenerationChoice, job_id: str, capacity: _Capacity
    ) -> Mapping[str, object]:
        tier, sampling = application.tier, choice.sampling
        return {
            "job_id": job_id,
            "sequence": capacity.next_sequence,
            "account": application.identity.account_id,
            "generation_id": self._ids.generation_id(),
            "status": "queued",
            "created_ms": capacity.now_ms,
            "prompt": choice.prompt,
            "model": choice.model,
            "duration_s": choice.duration_s,
            "is_loopable": choice.is_loopable,
            "seed": self._ids.seed() if choice.seed is None else choice.seed,
            "seed_was_given": choice.seed is not None,
            "temperature": sampling.temperature,
            "top_k": sampling.top_k,
            "top_p": sampling.top_p,
            "guidance": sampling.guidance,
            "melody_from": choice.melody.text if choice.melody else None,
            **continuation_columns(choice.continuation),
            "tier": tier.name,
            "priority": tier.priority,
            "starves_ms": capacity.now_ms + tier.starves_after_ms,
            "trace": application.trace,
        }

    async def _capacity(self, transition: QueueTransition, account_ids: Collection[int]) -> _Capacity:
        now_ms = self._clock.now_ms()
        queue = await self._waiting_queue.read()
        counts = await queries.account_counts(
            self._database, account_ids, since_ms=now_ms - HOUR_MS, now_ms=now_ms
        )
        return _Capacity(
            now_ms=now_ms,
            next_sequence=transition.next_sequence,
            running=len(queue.running),
            positions=QueuePositions(queue.waiting, now_ms, queue.affinities),
            active={row["id"]: row["active"] for row in counts},
            in_hour={row["id"]: row["in_hour"] for row in counts},
            full=await self._storage_guard.full(account_ids),
        )
