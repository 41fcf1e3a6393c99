"""Measures how fast something arrives, and how long the rest will take."""

from collections import deque
from collections.abc import Callable

WINDOW_S = 10.0
# What arrived within a shorter time says little.
SHORTEST_S = 0.5


class Meter:
    """The speed of the last seconds. Bytes that were there before are not arrivals."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """`now_s` is a clock that never goes back."""
        self._now_s = now_s
        self._marks: deque[tuple[float, int]] = deque([(now_s(), 0)])
        self._arrived = 0

    def add(self, size_bytes: int) -> None:
        """Count bytes that have just arrived."""
        self._arrived += size_bytes
        now_s = self._now_s()
        self._marks.append((now_s, self._arrived))
        while len(self._marks) > 2 and self._marks[1][0] < now_s - WINDOW_S:
            self._marks.popleft()

    @property
    def bytes_per_s(self) -> int:
        """The speed now; 0 while it cannot be known, or nothing has arrived of late."""
        since_s, before = self._marks[0]
        elapsed_s = self._now_s() - since_s
        return round((self._arrived - before) / elapsed_s) if elapsed_s >= SHORTEST_S else 0
