"""How many connections one account or one address may hold open."""

from collections import Counter
from collections.abc import Callable
from typing import Final

from webapp.errors import LimitReached

PER_ACCOUNT: Final = 20
PER_ADDRESS: Final = 40
RETRY_AFTER_S: Final = 5


class StreamCaps:
    """Counts the connections that are held open in this process, by holder.

    An open page holds one; so do a waiting API request and a followed event stream.
    """

    def __init__(self, per_account: int = PER_ACCOUNT, per_address: int = PER_ADDRESS) -> None:
        self._per_account = per_account
        self._per_address = per_address
        self._held: Counter[tuple[str, object]] = Counter()

    def hold(self, account_id: int | None, address: str) -> Callable[[], None]:
        """Take one connection and return what gives it back, which may be called more than once.

        Raises LimitReached when the account or the address already holds as many as it may.
        """
        keys: list[tuple[str, object]] = [("address", address)]
        if account_id is not None:
            keys.append(("account", account_id))
        limits = {"address": self._per_address, "account": self._per_account}
        if any(self._held[key] >= limits[key[0]] for key in keys):
            raise LimitReached("Too many open connections", retry_after_s=RETRY_AFTER_S)
        self._held.update(keys)
        return _Once(lambda: self._release(keys))

    @property
    def open_count(self) -> int:
        """How many connections are held in this process."""
        return sum(count for (kind, _), count in self._held.items() if kind == "address")

    def _release(self, keys: list[tuple[str, object]]) -> None:
        self._held.subtract(keys)
        for key in keys:
            if self._held[key] <= 0:
                del self._held[key]


class _Once:
    """Calls a function the first time it is called itself."""

    def __init__(self, function: Callable[[], None]) -> None:
        self._function: Callable[[], None] | None = function

    def __call__(self) -> None:
        function, self._function = self._function, None
        if function:
            function()
