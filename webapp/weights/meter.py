"""Measures the speed of a download."""

from collections import deque
from collections.abc import Callable

WINDOW_S = 10.0
# Over a shorter time the speed is not meaningful.
SHORTEST_S = 0.5


class Meter:
    """The speed over the last seconds, without bytes that were downloaded earlier."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        """`now_s` is a monotonic clock."""
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
        """Return the present speed; 0 while it is unknown, and if nothing arrived recently."""
        since_s, before = self._marks[0]
        elapsed_s = self._now_s() - since_s
        return round((self._arrived - before) / elapsed_s) if elapsed_s >= SHORTEST_S else 0
