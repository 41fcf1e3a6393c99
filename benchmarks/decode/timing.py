"""Times of steps, and what follows from them."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

FRAME_RATE_HZ = 50
PROC_STAT = Path("/proc/stat")


@dataclass(slots=True)
class Steps:
    """When steps ended. A step beside which sound was made is marked: it is no step alone."""

    began_s: float = field(default_factory=time.perf_counter)
    ends: list[float] = field(default_factory=list)
    marked: set[int] = field(default_factory=set)

    def ended(self) -> None:
        self.ends.append(time.perf_counter())

    def mark_next(self) -> None:
        self.marked.add(len(self.ends))

    @property
    def first_token_s(self) -> float:
        """From the request to its first tokens, the text encoder's work included."""
        return self.ends[0] - self.began_s

    @property
    def per_s(self) -> float:
        """Steps a second from the first to the last, marked ones and their times left out."""
        times = [
            end - before
            for number, (before, end) in enumerate(zip(self.ends, self.ends[1:], strict=False), start=1)
            if number not in self.marked
        ]
        return len(times) / sum(times)


@dataclass(frozen=True, slots=True)
class Run:
    """One generation by one of those compared."""

    steps_per_s: float
    first_token_s: float
    whole_s: float
    others_cores: float


def timed(steps: Steps, work: Callable[[], object]) -> Run:
    """Run something whose steps are noted in `steps`."""
    busy_s, own_s = machine_busy_s(), time.process_time()
    steps.began_s = began = time.perf_counter()
    work()
    whole_s = time.perf_counter() - began
    others_s = (machine_busy_s() - busy_s) - (time.process_time() - own_s)
    return Run(steps.per_s, steps.first_token_s, whole_s, max(0.0, others_s / whole_s))


def machine_busy_s() -> float:
    """Processor time that all programs have taken since the machine was started, or others took from it."""
    user, nice, system, _idle, _disk, *interrupts = map(
        int, PROC_STAT.read_text().splitlines()[0].split()[1:9]
    )
    return (user + nice + system + sum(interrupts)) / os.sysconf("SC_CLK_TCK")


def resident_mb() -> float:
    """Memory that this process holds now."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1000
