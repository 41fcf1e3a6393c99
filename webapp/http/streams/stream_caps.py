"""Caps the connections that one account or one address may hold open."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection

from webapp.errors import LimitPolicy, LimitReached
from webapp.http.rate_limit import RateLimit, announce
from webapp.services.shared.rate_limits import address_group

# What is counted, and whose: `("account", 7)`.
Key: TypeAlias = tuple[str, object]

RETRY_AFTER_S: Final = 5


class StreamCaps:
    """Counts the connections that are held open in this process, by holder.

    An open page holds one; so do a waiting API request and a followed event stream. Streams of sound, which
    only accounts have, are counted apart.
    """

    def __init__(
        self, per_account: int, per_address: int | None = None, *, noun: str = "connections"
    ) -> None:
        """Without `per_address`, only accounts are counted. `noun` is in the names of the limits."""
        self._limits = {"account": per_account}
        if per_address is not None:
            self._limits["address"] = per_address
        self._noun = noun
        self._held: Counter[Key] = Counter()

    def hold(self, account_id: int | None, address: str) -> Callable[[], None]:
        """Take one connection and return what gives it back, which may be called more than once.

        Raises LimitReached when the account or the address already holds as many as it may.
        """
        keys = self._keys(account_id, address)
        nearest = min(keys, key=self._left)
        if self._left(nearest) <= 0:
            raise LimitReached(
                f"Too many open {self._noun.replace('-', ' ')}",
                retry_after_s=RETRY_AFTER_S,
                policy=self._policy(nearest),
            )
        self._held.update(keys)
        return _Once(lambda: self._release(keys))

    def hold_for(
        self, connection: ASGIConnection[Any, Any, Any, Any], account_id: int | None, address: str
    ) -> Callable[[], None]:
        """`hold`, telling with the answer how many more may be held."""
        release = self.hold(account_id, address)
        keys = self._keys(account_id, address)
        announce(connection, *(RateLimit(self._policy(key), self._left(key)) for key in keys))
        return release

    def _policy(self, key: Key) -> LimitPolicy:
        return LimitPolicy(f"{self._noun}-of-{key[0]}", self._limits[key[0]])

    def _left(self, key: Key) -> int:
        return self._limits[key[0]] - self._held[key]

    @property
    def open_count(self) -> int:
        """Return how many connections are held in this process."""
        return sum(count for (kind, _), count in self._held.items() if kind == "address")

    def _release(self, keys: list[Key]) -> None:
        self._held.subtract(keys)
        for key in keys:
            if self._held[key] <= 0:
                del self._held[key]

    def _keys(self, account_id: int | None, address: str) -> list[Key]:
        keys: list[Key] = [("address", address_group(address))] if "address" in self._limits else []
        return keys if account_id is None else [*keys, ("account", account_id)]


class _Once:
    """Calls a function the first time it is called itself."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function:
            function()
