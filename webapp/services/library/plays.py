"""Counters of plays and downloads."""

from webapp.database import Database
from webapp.errors import LimitReached
from webapp.policy.library.fields import PLAY_WINDOW_S
from webapp.services.accounts.identity import Identity
from webapp.services.library import queries
from webapp.services.library.browse import find_item
from webapp.services.library.queries import Counter
from webapp.services.shared.best_effort import BestEffort
from webapp.services.shared.rate_limits import RateLimits, address_group


class Plays:
    """Counts once a minute per listener: an account, or the address of somebody not signed in."""

    def __init__(self, database: Database, rate_limits: RateLimits) -> None:
        self._database = database
        self._rate_limits = rate_limits
        self._best_effort = BestEffort("the count of plays and downloads")

    async def played(self, identity: Identity | None, address: str, sound_id: str) -> int:
        """Count a play and return the new count. Raises NotFound."""
        return await self._count("plays", identity, address, sound_id)

    async def downloaded(self, identity: Identity | None, address: str, sound_id: str) -> int:
        """Count a download and return the new count. Raises NotFound."""
        return await self._count("downloads", identity, address, sound_id)

    async def record_play(self, identity: Identity | None, address: str, sound_id: str) -> None:
        """Count a play if possible; playing does not depend on it. Raises NotFound."""
        await find_item(self._database, identity, sound_id)
        await self._best_effort.write(lambda: self.played(identity, address, sound_id))

    async def record_download(self, identity: Identity | None, address: str, sound_id: str) -> None:
        """Count a download if possible; the download does not depend on it. Raises NotFound."""
        await find_item(self._database, identity, sound_id)
        await self._best_effort.write(lambda: self.downloaded(identity, address, sound_id))

    async def _count(self, counter: Counter, identity: Identity | None, address: str, sound_id: str) -> int:
        listener = f"account/{identity.account_id}" if identity else f"address/{address_group(address)}"
        async with self._database.transaction(durable=False):
            item = await find_item(self._database, identity, sound_id, to_change=True)
            bucket = f"{counter}/{item.row_id}/{listener}"
            try:
                await self._rate_limits.hit(bucket, 1, PLAY_WINDOW_S, "Counted already")
            except LimitReached:
                return item.plays if counter == "plays" else item.downloads
            return await queries.increment(self._database, counter, item.row_id)
