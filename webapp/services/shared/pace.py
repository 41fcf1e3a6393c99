"""Rate limits on reading, counted in memory."""

from collections import OrderedDict
from typing import Final

from webapp.clock import Clock
from webapp.errors import LimitPolicy, LimitReached
from webapp.services.shared.rate_limits import LimitUsage

# One number each. Beyond this, the clients with the oldest requests are forgotten.
MAX_CLIENTS: Final = 20_000
REFUSED: Final = "Rate limit exceeded"


class Pace:
    """Allows a burst of `limit` requests, refilled evenly over each window.

    Counted in this process only: a read must not need a write, which could fail on a full disk or a lock.
    """

    def __init__(self, name: str, clock: Clock, limit: int, window_s: int) -> None:
        """`name` is the limit's name as it is announced to clients."""
        self._clock = clock
        self._limit = limit
        self._window_s = window_s
        self._policy = LimitPolicy(name, limit, window_s)
        # When each client's limit is fully refilled, in ms (the generic cell rate algorithm).
        self._free_ms: OrderedDict[str, float] = OrderedDict()

    def take(self, client: str) -> LimitUsage:
        """Count a request. Raises LimitReached; a refused one is not counted."""
        now_ms = self._clock.now_ms()
        free_ms = self._free_at(client, now_ms) + self._each_ms
        late_ms = free_ms - now_ms - self._window_s * 1000
        if late_ms > 0:
            raise LimitReached(REFUSED, retry_after_s=_whole_seconds(late_ms), policy=self._policy)
        self._free_ms[client] = free_ms
        self._free_ms.move_to_end(client)
        if len(self._free_ms) > MAX_CLIENTS:
            self._free_ms.popitem(last=False)
        return self.usage(client)

    def usage(self, client: str) -> LimitUsage:
        """Return a client's use of the limit."""
        now_ms = self._clock.now_ms()
        used_ms = self._free_at(client, now_ms) - now_ms
        left = int((self._window_s * 1000 - used_ms) / self._each_ms + 1e-6)
        reset_s = _whole_seconds(used_ms)
        return LimitUsage(self._limit, self._window_s, max(0, left), reset_s, self._policy.name)

    @property
    def _each_ms(self) -> float:
        return self._window_s * 1000 / self._limit

    def _free_at(self, client: str, now_ms: int) -> float:
        free_ms = self._free_ms.get(client, 0.0)
        # A time further ahead than possible dates from before the clock was set back.
        is_possible = now_ms < free_ms <= now_ms + self._window_s * 1000 + 1
        return free_ms if is_possible else now_ms


def _whole_seconds(milliseconds: float) -> int:
    return -int(-milliseconds // 1000)
