"""Votes on sounds."""

from dataclasses import dataclass
from typing import Final

from webapp.database import Database
from webapp.events import Bus, account_changed
from webapp.services.accounts.identity import Identity
from webapp.services.library import queries
from webapp.services.library.browse import find_item
from webapp.services.shared.rate_limits import HOUR_S, LimitUsage, RateLimits
from webapp.settings import Settings
from webapp.tables import SoundVote


@dataclass(frozen=True, slots=True)
class VoteReceipt:
    """A sound's votes, and the account's own: 1, -1 or 0."""

    upvotes: int
    downvotes: int
    user_vote: int


class Votes:
    """One vote per account and sound. Triggers of the database keep the counters."""

    def __init__(self, database: Database, rate_limits: RateLimits, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._rate_limits = rate_limits
        self._bus = bus
        self._hourly: Final = settings.vote_hourly

    async def vote(self, identity: Identity, sound_id: str, vote: int) -> VoteReceipt:
        """Vote 1 or -1 in place of an earlier vote, or take it back with 0.

        Raises NotFound and LimitReached.
        """
        async with self._database.transaction():
            item = await find_item(self._database, identity, sound_id, to_change=True)
            await self._rate_limits.hit(_bucket(identity), self._hourly, HOUR_S, "Rate limit exceeded")
            if vote:
                await queries.upsert_vote(self._database, item.row_id, identity.account_id, vote)
            else:
                await SoundVote.delete().where(
                    SoundVote.item == item.row_id, SoundVote.account == identity.account_id
                )
            counted = await find_item(self._database, identity, sound_id)
        self._bus.publish(account_changed(identity.account_id))
        return VoteReceipt(counted.upvotes, counted.downvotes, vote)

    async def of(self, identity: Identity, row_ids: list[int]) -> dict[int, int]:
        """Read the account's votes on these items, by row id; items without one are absent."""
        if not row_ids:
            return {}
        rows = await SoundVote.select(SoundVote.item, SoundVote.vote).where(
            SoundVote.account == identity.account_id, SoundVote.item.is_in(row_ids)
        )
        return {row["item"]: row["vote"] for row in rows}

    async def usage(self, identity: Identity) -> LimitUsage:
        """Report how much of the hour's votes is used up."""
        return await self._rate_limits.usage(_bucket(identity), self._hourly, HOUR_S)


def _bucket(identity: Identity) -> str:
    return f"vote/account/{identity.account_id}"
