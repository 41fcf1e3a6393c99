"""When a waiting job is expected to start."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Speed:
    """What is known of the workers: how many there are, and how long they take.

    `seconds_per_second` is work per second of audio, by model, as measured on finished jobs.
    """

    workers: int
    seconds_per_second: dict[str, float] = field(default_factory=dict)

    def work_ms(self, model: str, duration_s: float) -> float | None:
        """How long a clip takes to make; None for a model of which nothing is known."""
        rate = self.seconds_per_second.get(model)
        return None if rate is None else rate * duration_s * 1000


def expected_starts_ms(
    now_ms: int,
    *,
    running: Sequence[tuple[int, float | None]],
    waiting: Sequence[float | None],
    workers: int,
) -> list[int | None]:
    """The moment at which each waiting job is expected to start, in the order of the line.

    `running` has the start and the expected work of each job in hand, `waiting` the expected work of
    each job in line (milliseconds). Each worker takes the next job as it becomes free. From the first
    job whose length is unknown on, nothing can be said of those behind it; with no worker, of none.
    """
    if workers <= 0 or any(work is None for _, work in running):
        return [None] * len(waiting)
    free_at = [max(float(now_ms), start + (work or 0.0)) for start, work in running]
    free_at += [float(now_ms)] * (workers - len(free_at))
    heapq.heapify(free_at)
    starts: list[int | None] = []
    for work in waiting:
        if not free_at:
            starts.append(None)
            continue
        start = heapq.heappop(free_at)
        starts.append(round(start))
        if work is None:
            free_at = []
        else:
            heapq.heappush(free_at, start + work)
    return starts
