"""What a clock that was set back has done to the line, put right."""

from collections.abc import Mapping
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.policy.moments import SKEW_MS
from webapp.policy.tiers import Tier
from webapp.services.queue.lock import queue_turn

TOO_FAR: Final = "status = 'queued' AND tier = {} AND starves_ms > {}"
# The next skip stands behind all that were made before it, by whatever clock.
NEXT_SKIP_MS: Final = (
    "(SELECT CASE WHEN MAX(skipped_ms) > {} THEN MAX(skipped_ms) + 1 ELSE {} END"
    " FROM job WHERE status = 'queued')"
)


class ClockSteps:
    """Looks after waiting jobs whose limit lies further ahead than their tier allows."""

    def __init__(self, database: Database, clock: Clock, tiers: Mapping[str, Tier], bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._limits_ms = {name: tier.starves_after_ms for name, tier in tiers.items()}
        self._bus = bus

    async def settle(self) -> bool:
        """Have such jobs wait no longer than their tier's time from now; whether there were any."""
        if not await self._any():
            return False
        async with queue_turn(self._database):
            now_ms = self._clock.now_ms()
            for tier, limit_ms in self._limits_ms.items():
                await self._database.fetch(
                    f"UPDATE job SET starves_ms = {{}} WHERE {TOO_FAR}",
                    now_ms + limit_ms,
                    tier,
                    now_ms + limit_ms + SKEW_MS,
                )
        self._bus.publish(Event("queue"))
        return True

    async def _any(self) -> bool:
        now_ms = self._clock.now_ms()
        either = " OR ".join(f"({TOO_FAR})" for _ in self._limits_ms)
        values = (
            value
            for tier, limit_ms in self._limits_ms.items()
            for value in (tier, now_ms + limit_ms + SKEW_MS)
        )
        return bool(await self._database.fetch(f"SELECT 1 AS one FROM job WHERE {either} LIMIT 1", *values))
