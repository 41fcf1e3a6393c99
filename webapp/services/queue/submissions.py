"""Submits requests for sounds to the queue."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from webapp import tracing
from webapp.errors import InvalidRequest
from webapp.events import Event
from webapp.policy.accounts.tiers import Tier
from webapp.policy.generation import MODELS, GenerationChoice, SamplingChoice, check_tier_duration
from webapp.policy.queue.estimates import Start
from webapp.policy.queue.ordering import WaitingJob
from webapp.policy.queue.skip_prices import skip_cost, skip_prices
from webapp.policy.queue.waiting_jobs import in_order
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.usage import UsageReader
from webapp.services.library.storage_limits import StorageGuard
from webapp.services.library.views import LibraryItemView
from webapp.services.queue.acceptance import Acceptance, Application, Submitted
from webapp.services.queue.continuations import Continuations
from webapp.services.queue.estimates import Estimator
from webapp.services.queue.melodies import MelodyCheck
from webapp.services.queue.waiting import WaitingQueueReader
from webapp.services.shared.foundation import Foundation
from webapp.services.shared.group_writer import GroupWriter
from webapp.services.shared.idempotency import Once

__all__ = ["Quote", "Submissions", "Submitted"]

# The queue is locked while a group is written: some milliseconds for this many.
LARGEST_GROUP: Final = 64
# Variations of a sound that one click asks for.
MOST_LIKE_ONE: Final = 4


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
        melodies: MelodyCheck,
        continuations: Continuations,
    ) -> None:
        self._melodies = melodies
        self._database = base.database
        self._clock = base.clock
        self._tiers = tiers
        self._prices = skip_prices(base.settings)
        self._bus = base.bus
        self._estimator = estimator
        self._usage = usage
        self._continuations = continuations
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
        takes: int = 1,
    ) -> Submitted:
        """Put a job in the queue. It is durable when this returns.

        `once` is an idempotency key: a request that was accepted under it before gets the same answer. Of
        several `takes`, jobs that differ in their seeds, all are accepted or none.

        Raises what `Continuations.completed` does, InvalidRequest (too long for the tier, or a model that
        follows no melody), NotFound (no such melody), LimitReached (at once, then per hour), QueueFull and
        StorageFull, in this order.
        """
        if once and (accepted := await once.first_answer()):
            return accepted
        choice = await self._continuations.completed(identity, choice)
        tier = self._tiers[identity.tier]
        check_tier_duration(choice.duration_s, tier.max_duration_s)
        await self._melodies.require(identity, choice)
        if self._database.in_transaction:
            raise RuntimeError("a job is submitted in a transaction of its own")
        with tracing.span("submit", model=choice.model, takes=takes):
            submitted = await self._writer.submit(
                Application(identity, tier, choice, once, takes, tracing.current())
            )
        self._bus.publish(Event("queue"), *(Event("job", job.job_id) for job in submitted.jobs))
        return submitted

    async def submit_like(self, identity: Identity, item: LibraryItemView) -> Submitted:
        """Put variations of a sound in the queue: as many as the limits allow now, at most four.

        They have its prompt, model and length, shortened to what the tier allows. Raises what `submit` does,
        and InvalidRequest for a sound that no model made of a prompt.
        """
        if item.model not in MODELS:
            raise InvalidRequest("A spoken text has no variations")
        tier = self._tiers[identity.tier]
        usage = await self._usage.of(identity.account_id, identity.tier)
        takes = max(1, min(MOST_LIKE_ONE, usage.at_once.left, usage.hourly.left))
        choice = GenerationChoice(
            prompt=item.prompt,
            duration_s=min(item.duration_s, tier.max_duration_s),
            model=item.model,
            is_loopable=item.is_loopable,
            seed=None,
            sampling=SamplingChoice(),
        )
        return await self.submit(identity, choice, takes=takes)

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
        return Quote(
            position=len(queue.running) + ahead + 1,
            expected_work_s=outlook.making_s(model, duration_s),
            jobs_left_this_hour=usage.hourly.left,
            at_once_left=usage.at_once.left,
            skip_cost=skip_cost(duration_s, self._prices),
            is_paused=is_paused,
            start=start,
            asked_ms=now_ms,
            is_next=ahead == 0,
        )
