"""Submits requests for sounds to the queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webapp import tracing
from webapp.events import Event
from webapp.policy.accounts.tiers import Tier
from webapp.policy.generation import GenerationChoice, check_tier_duration
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.skip_prices import skip_cost, skip_prices
from webapp.policy.queue.waiting_jobs import in_order
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import UsageReader
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.queue.acceptance import Acceptance, Application, Submitted
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.waiting import WaitingQueueReader
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.group_writer import GroupWriter
from webapp.services.shared.idempotency import Once

__all__ = ["Quote", "Submissions", "Submitted"]

# The queue is locked while a group is written: some milliseconds for this many.
LARGEST_GROUP: Final = 64


@dataclass(frozen=True, slots=True)
class Quote:
    """A quote for a job before it is submitted, as of `asked_ms`.

    `start` is None when it cannot be estimated, such as when there is no worker or the queue is paused.
    `is_next`: no waiting job would go before it.
    """

    position: int
    expected_work_s: float | None
    jobs_left_this_hour: int
    at_once_left: int
    skip_cost: int
    is_paused: bool = False
    start: Start | None = None
    asked_ms: int = 0
    is_next: bool = False

    @property
    def expected_wait_s(self) -> float | None:
        """Return the expected wait; None if it cannot be estimated."""
        return None if self.start is None else max(0, self.start.at_ms - self.asked_ms) / 1000


class Submissions:
    """Accepts jobs within the limits of tier and queue; limits hold exactly under concurrent requests.

    Jobs that arrive together share a transaction and its commit: see `GroupWriter` and `Acceptance`.
    """

    def __init__(
        self,
        base: Foundation,
        *,
        estimator: Estimator,
        storage_guard: StorageGuard,
        usage: UsageReader,
        waiting_queue: WaitingQueueReader,
        tiers: Mapping[str, Tier],
    ) -> None:
        self._database = base.database
        self._clock = base.clock
        self._tiers = tiers
        self._prices = skip_prices(base.settings)
        self._bus = base.bus
        self._estimator = estimator
        self._usage = usage
        self._waiting_queue = waiting_queue
        acceptance = Acceptance(
            base.database,
            base.clock,
            base.ids,
            queue_limit=base.settings.queue_limit,
            waiting_queue=self._waiting_queue,
            storage_guard=storage_guard,
            usage=usage,
        )
        self._writer: GroupWriter[Application, Submitted] = GroupWriter(
            acceptance.decide, largest=LARGEST_GROUP
        )

    async def submit(
        self,
        identity: Identity,
        choice: GenerationChoice,
        *,
        once: Once[Submitted] | None = None,
        copies: int = 1,
    ) -> Submitted:
        """Put a job in the queue. It is durable when this returns.

        `once` is an idempotency key: a request that was accepted under it before gets the same answer. Of
        several `copies`, which differ in their seed, all are accepted or none, and the first is returned.

        Raises InvalidRequest (too long for the tier), LimitReached (at once, then per hour), QueueFull
        and StorageFull, in this order.
        """
        if once and (accepted := await once.first_answer()):
            return accepted
        tier = self._tiers[identity.tier]
        check_tier_duration(choice.duration_s, tier.max_duration_s)
        if self._database.in_transaction:
            raise RuntimeError("a job is submitted in a transaction of its own")
        with tracing.span("submit", model=choice.model, copies=copies):
            submitted = await self._writer.submit(
                Application(identity, tier, choice, once, copies, tracing.current())
            )
        self._bus.publish(Event("queue"), Event("job", submitted.job_id))
        return submitted

    async def quote(self, identity: Identity, model: str, duration_s: float) -> Quote:
        """Return the position, estimates and remaining quota for such a job, as if it were submitted now."""
        tier = self._tiers[identity.tier]
        now_ms = self._clock.now_ms()
        usage = await self._usage.of(identity.account_id, identity.tier)
        queue = await self._waiting_queue.read()
        newcomer = WaitingJob(
            sequence=2**62,
            priority=tier.priority,
            starves_ms=now_ms + tier.starves_after_ms,
            model=model,
            duration_s=duration_s,
        )
        waiting = in_order([*queue.waiting, newcomer], now_ms, queue.affinities)
        ahead = waiting.index(newcomer)
        outlook = await self._estimator.outlook()
        # Jobs behind it matter too: those that begin to starve in the meantime go first.
        is_paused = await self._waiting_queue.is_paused()
        start = None if is_paused else outlook.starts(now_ms, running=queue.running, waiting=waiting)[ahead]
        own_work_ms = outlook.work_ms(model, duration_s)
        return Quote(
            position=len(queue.running) + ahead + 1,
            expected_work_s=None if own_work_ms is None else own_work_ms / 1000,
            jobs_left_this_hour=usage.hourly.left,
            at_once_left=usage.at_once.left,
            skip_cost=skip_cost(duration_s, self._prices),
            is_paused=is_paused,
            start=start,
            asked_ms=now_ms,
            is_next=ahead == 0,
        )
