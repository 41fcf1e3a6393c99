"""Sounds that accounts keep."""

from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, account_changed
from webapp.policy.library import is_generation_id
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import NOT_FOUND, find_item
from webapp.services.shared.rate_limits import HOUR_S, LimitUsage, RateLimits
from webapp.settings import Settings


class Favorites:
    """Keeps sounds and lets them go; doing either twice is doing it once."""

    def __init__(
        self, database: Database, clock: Clock, rate_limits: RateLimits, settings: Settings, bus: Bus
    ) -> None:
        self._database = database
        self._clock = clock
        self._rate_limits = rate_limits
        self._bus = bus
        self._hourly: Final = settings.favorite_hourly

    async def add(self, identity: Identity, sound_id: str) -> None:
        """Keep a sound. Raises NotFound and LimitReached."""
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            await self._count(identity)
            await self._database.fetch(
                "INSERT INTO favorite (account, item, created_ms) VALUES ({}, {}, {})"
                " ON CONFLICT (account, item) DO NOTHING",
                identity.account_id,
                item.row_id,
                self._clock.now_ms(),
            )
        self._bus.publish(account_changed(identity.account_id))

    async def remove(self, identity: Identity, sound_id: str) -> None:
        """Let a sound go, also one that was taken back since. Raises NotFound and LimitReached."""
        if not is_generation_id(sound_id):
            raise NotFound(NOT_FOUND)
        async with self._database.transaction():
            removed = await self._database.fetch(
                "DELETE FROM favorite WHERE account = {}"
                " AND item = (SELECT id FROM library_item WHERE sound = {}) RETURNING item",
                identity.account_id,
                sound_id,
            )
            if not removed:
                await find_item(self._database, identity, sound_id)
            await self._count(identity)
        self._bus.publish(account_changed(identity.account_id))

    async def among(self, identity: Identity, row_ids: list[int]) -> set[int]:
        """Which of these items, by their row, the account keeps."""
        if not row_ids:
            return set()
        rows = await self._database.fetch(
            "SELECT item FROM favorite"
            f" WHERE account = {{}} AND item IN ({', '.join('{}' for _ in row_ids)})",
            identity.account_id,
            *row_ids,
        )
        return {row["item"] for row in rows}

    async def usage(self, identity: Identity) -> LimitUsage:
        """How much of the hour's changes is used up."""
        return await self._rate_limits.usage(_bucket(identity), self._hourly, HOUR_S)

    async def _count(self, identity: Identity) -> None:
        await self._rate_limits.hit(_bucket(identity), self._hourly, HOUR_S, "Rate limit exceeded")


def _bucket(identity: Identity) -> str:
    return f"favorite/account/{identity.account_id}"
