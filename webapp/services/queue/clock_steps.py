"""Corrects starvation limits after the clock was set back."""

from collections.abc import Mapping
from functools import reduce
from operator import or_

from piccolo.custom_types import Combinable

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.policy.accounts.tiers import Tier
from webapp.policy.moments import SKEW_MS
from webapp.services.queue import queries
from webapp.services.queue.lock import queue_transition
from webapp.tables import Job


class ClockSteps:
    """Corrects waiting jobs whose starvation limit is further in the future than their tier allows."""

    def __init__(self, database: Database, clock: Clock, tiers: Mapping[str, Tier], bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._limits_ms = {name: tier.starves_after_ms for name, tier in tiers.items()}
        self._bus = bus

    async def settle(self) -> bool:
        """Set the limit of such jobs to their tier's, counted from now; return whether there were any."""
        if not await self._any():
            return False
        async with queue_transition(self._database):
            now_ms = self._clock.now_ms()
            for tier, limit_ms in self._limits_ms.items():
                await Job.update({Job.starves_ms: now_ms + limit_ms}).where(
                    queries.WAITING & self._too_far(tier, limit_ms, now_ms)
                )
        self._bus.publish(Event("queue"))
        return True

    async def _any(self) -> bool:
        now_ms = self._clock.now_ms()
        conditions = [self._too_far(tier, limit_ms, now_ms) for tier, limit_ms in self._limits_ms.items()]
        return bool(await Job.select(Job.job_id).where(queries.WAITING, reduce(or_, conditions)).limit(1))

    @staticmethod
    def _too_far(tier: str, limit_ms: int, now_ms: int) -> Combinable:
        return (Job.tier == tier) & (Job.starves_ms > now_ms + limit_ms + SKEW_MS)
