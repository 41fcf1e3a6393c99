"""Counts the sounds of a list. Counting very many takes longer than reading a page of them."""

import math
from dataclasses import dataclass
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.services.library.listing_queries import Listing, Statement
from webapp.services.shared.read_cache import ReadCache, Reading
from webapp.services.shared.tallies import count_sounds

# Up to so many matches a total is that of the moment.
EXACT_UP_TO: Final = 10_000
OLDEST_MS: Final = 60_000
CACHED: Final = 256


@dataclass(frozen=True, slots=True)
class Total:
    """A number of sounds. One that is not exact was counted within the last minute, and holds no longer."""

    count: int
    valid_until_ms: float = math.inf

    @property
    def is_exact(self) -> bool:
        return self.valid_until_ms == math.inf


class Totals:
    """Counts lists, and counts long ones once a minute."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._present: ReadCache[Statement, int] = ReadCache(database, clock, capacity=CACHED)
        # When those beyond the bound were counted, the latest last.
        self._long: dict[Statement, tuple[int, int]] = {}

    async def of(self, listing: Listing, stage: int | None = None) -> Total:
        """Count one stage of a list, or all of it."""
        if stage is None and listing.tallies:
            return Total(sum((await count_sounds(listing.tallies)).values()))
        statement, now_ms = listing.count(stage), self._clock.now_ms()
        count, counted_ms = self._long.get(statement, (0, 0))
        if count and 0 <= now_ms - counted_ms < OLDEST_MS:
            return Total(count, counted_ms + OLDEST_MS)

        async def read() -> Reading[int]:
            rows = await statement.run(self._database)
            return Reading(rows[0]["total"])

        count = await self._present.get(statement, read)
        self._long.pop(statement, None)
        if count > EXACT_UP_TO:
            self._long[statement] = count, now_ms
            if len(self._long) > CACHED:
                del self._long[next(iter(self._long))]
        return Total(count)
