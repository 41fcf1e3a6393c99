"""Time as a dependency: services are given a clock, so tests decide what time it is."""

import time
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time in milliseconds since the Unix epoch (UTC)."""

    def now_ms(self) -> int: ...


class SystemClock:
    """The clock of this machine."""

    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SteadyClock:
    """The time that passed on this machine since it was made, however its clock is set meanwhile."""

    def __init__(self) -> None:
        self._offset_ms = SystemClock().now_ms() - _passed_ms()

    def now_ms(self) -> int:
        return self._offset_ms + _passed_ms()


def _passed_ms() -> int:
    # Counts the time that a machine sleeps, where there is such a clock.
    return time.clock_gettime_ns(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)) // 1_000_000


class ManualClock:
    """A clock that stands still until it is moved."""

    def __init__(self, now_ms: int = 1_700_000_000_000) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def advance_s(self, seconds: float) -> None:
        self._now_ms += round(seconds * 1000)
