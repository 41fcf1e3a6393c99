"""Favorites of accounts."""

from collections.abc import Sequence
from typing import Final

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.events import Bus, account_changed
from webapp.policy.library.fields import is_generation_id
from webapp.services.accounts.identity import Identity
from webapp.services.library.browse import NOT_FOUND, find_item, find_items_to_change
from webapp.services.library.views import LibraryItemView
from webapp.services.shared.rate_limits import HOUR_S, LimitUsage, RateLimits
from webapp.settings import Settings
from webapp.tables import Favorite, LibraryItem


class Favorites:
    """Adds and removes favorites; both are idempotent."""

    def __init__(
        self, database: Database, clock: Clock, rate_limits: RateLimits, settings: Settings, bus: Bus
    ) -> None:
        self._database = database
        self._clock = clock
        self._rate_limits = rate_limits
        self._bus = bus
        self._hourly: Final = settings.favorite_hourly

    async def add(self, identity: Identity, sound_id: str) -> None:
        """Add a sound to the favorites. Raises NotFound and LimitReached."""
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            await self._insert(identity, item)
        self._bus.publish(account_changed(identity.account_id))

    async def add_all(self, identity: Identity, sound_ids: Sequence[str]) -> int:
        """Add several sounds in one transaction, and return how many of them were found.

        Raises LimitReached when not all of them fit the hour's limit; then none is added.
        """
        async with self._database.transaction():
            items = await find_items_to_change(self._database, identity, sound_ids)
            for item in items:
                await self._insert(identity, item)
        self._bus.publish(account_changed(identity.account_id))
        return len(items)

    async def remove(self, identity: Identity, sound_id: str) -> None:
        """Remove a sound, also one that was unpublished since. Raises NotFound and LimitReached."""
        if not is_generation_id(sound_id):
            raise NotFound(NOT_FOUND)
        async with self._database.transaction():
            items = LibraryItem.select(LibraryItem.id).where(LibraryItem.sound == sound_id)
            removed = (
                await Favorite.delete()
                .where(Favorite.account == identity.account_id, Favorite.item.is_in(items))
                .returning(Favorite.item)
            )
            if not removed:
                await find_item(self._database, identity, sound_id)
            await self._count(identity)
        self._bus.publish(account_changed(identity.account_id))

    async def among(self, identity: Identity, row_ids: list[int]) -> set[int]:
        """Find the account's favorites among these items, by row id."""
        if not row_ids:
            return set()
        rows = await Favorite.select(Favorite.item).where(
            Favorite.account == identity.account_id, Favorite.item.is_in(row_ids)
        )
        return {row["item"] for row in rows}

    async def usage(self, identity: Identity) -> LimitUsage:
        """Report how much of the hour's changes is used up."""
        return await self._rate_limits.usage(_bucket(identity), self._hourly, HOUR_S)

    async def _insert(self, identity: Identity, item: LibraryItemView) -> None:
        await self._count(identity)
        await Favorite.insert(
            Favorite(account=identity.account_id, item=item.row_id, created_ms=self._clock.now_ms())
        ).on_conflict(target=(Favorite.account, Favorite.item), action="DO NOTHING")

    async def _count(self, identity: Identity) -> None:
        await self._rate_limits.hit(_bucket(identity), self._hourly, HOUR_S, "Rate limit exceeded")


def _bucket(identity: Identity) -> str:
    return f"favorite/account/{identity.account_id}"
