"""Caps the connections that one account or one address may hold open."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection

from webapp.errors import LimitPolicy, LimitReached
from webapp.http.rate_limit import RateLimit, announce
from webapp.services.shared.held_connections import ConnectionCounts
from webapp.services.shared.rate_limits import address_group

# Whose connections are counted: `account/7`.
Holder: TypeAlias = str

RETRY_AFTER_S: Final = 5


CONNECTIONS: Final = "connections"


class StreamCaps:
    """Counts the connections that are held open, by holder: here, and on all servers together.

    An open page holds one; so do a waiting API request and a followed event stream.
    """

    def __init__(
        self,
        per_account: int,
        per_address: int | None,
        counts: Callable[["StreamCaps"], ConnectionCounts],
        *,
        noun: str = CONNECTIONS,
    ) -> None:
        """Without `per_address`, only accounts are counted. `noun` is in the names of the limits.

        `counts` makes the counts that all servers share.
        """
        self._limits = {"account": per_account}
        if per_address is not None:
            self._limits["address"] = per_address
        self._noun = noun
        # Each connection has one holder of this kind.
        self._counted = "account" if per_address is None else "address"
        self._prefix = "" if noun == CONNECTIONS else f"{noun}-of-"
        self._held: Counter[Holder] = Counter()
        self.counts = counts(self)

    async def hold(self, account_id: int | None, address: str) -> Callable[[], None]:
        """Take one connection and return what gives it back, which may be called more than once.

        Raises LimitReached when the account or the address already holds as many as it may.
        """
        holders = self._holders(account_id, address)
        nearest = min(holders, key=self._left)
        if self._left(nearest) <= 0:
            raise self._refusal(nearest)
        self._held.update(holders)
        release = _Once(lambda: self._release(holders))
        try:
            exceeded = await self.counts.exceeded({holder: self._limit(holder) for holder in holders})
        except BaseException:
            release()
            raise
        if exceeded is not None:
            release()
            raise self._refusal(exceeded)
        return release

    async def hold_for(
        self, connection: ASGIConnection[Any, Any, Any, Any], account_id: int | None, address: str
    ) -> Callable[[], None]:
        """`hold`, telling with the answer how many more may be held."""
        release = await self.hold(account_id, address)
        holders = self._holders(account_id, address)
        announce(connection, *(RateLimit(self._policy(holder), self._left(holder)) for holder in holders))
        return release

    def held_by(self, holder: Holder) -> int:
        """Return how many connections a holder has in this process."""
        return self._held[holder]

    @property
    def open_count(self) -> int:
        """Return how many connections are held in this process."""
        return sum(count for holder, count in self._held.items() if self._kind(holder) == self._counted)

    def _refusal(self, holder: Holder) -> LimitReached:
        return LimitReached(
            f"Too many open {self._noun.replace('-', ' ')}",
            retry_after_s=RETRY_AFTER_S,
            policy=self._policy(holder),
        )

    def _policy(self, holder: Holder) -> LimitPolicy:
        return LimitPolicy(f"{self._noun}-of-{self._kind(holder)}", self._limit(holder))

    def _limit(self, holder: Holder) -> int:
        return self._limits[self._kind(holder)]

    def _left(self, holder: Holder) -> int:
        return self._limit(holder) - self._held[holder]

    def _release(self, holders: list[Holder]) -> None:
        self._held.subtract(holders)
        for holder in holders:
            self.counts.given_back(holder)
            if self._held[holder] <= 0:
                del self._held[holder]

    def _kind(self, holder: Holder) -> str:
        return holder.removeprefix(self._prefix).partition("/")[0]

    def _holders(self, account_id: int | None, address: str) -> list[Holder]:
        holders = [f"{self._prefix}address/{address_group(address)}"] if "address" in self._limits else []
        return holders if account_id is None else [*holders, f"{self._prefix}account/{account_id}"]


class _Once:
    """Calls a function the first time it is called itself."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function:
            function()
