"""Which requests are sent again, and after how long."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from soundloom_client.calls import Call
from soundloom_client.errors import SoundloomError, Unreachable

# What passes by itself: limits, servers that stop and start, proxies without a server.
PASSING: Final = frozenset((408, 429, 502, 503, 504))


@dataclass(frozen=True, slots=True)
class Retries:
    """The number of further tries of a request, and the longest wait, which bounds `Retry-After` as well.

    An answer that asks for a longer wait is raised at once: whoever asked decides.
    """

    times: int = 4
    first_wait_s: float = 0.5
    longest_wait_s: float = 60.0

    def wait_s(
        self, call: Call, attempt: int, error: SoundloomError, random: Callable[[], float]
    ) -> float | None:
        """Return how long to wait before the next attempt; None to give up. Attempts count from 0."""
        may_pass = isinstance(error, Unreachable) or error.status in PASSING
        if not call.is_safe or not may_pass or attempt >= self.times:
            return None
        # Many clients that were refused together come back one by one.
        share = random()
        if error.retry_after is None:
            return float(share * min(self.longest_wait_s, self.first_wait_s * 2**attempt))
        wait_s = error.retry_after + share * self.first_wait_s
        return None if error.retry_after > self.longest_wait_s else min(wait_s, self.longest_wait_s)
