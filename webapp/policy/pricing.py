"""What it costs to skip the queue."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class SkipPrice:
    """The price in Aura of skipping with a clip no longer than `max_duration` seconds."""

    max_duration: int
    cost: int
    label: str


SKIP_PRICES: Final = (
    SkipPrice(10, 1, "Short SFX"),
    SkipPrice(30, 3, "Medium clip"),
    SkipPrice(60, 5, "Long SFX"),
    SkipPrice(120, 10, "Song"),
    SkipPrice(999, 15, "Long song"),
)


def skip_cost(duration_s: float) -> int:
    """The Aura that a job of this length pays to skip: the first row that is long enough."""
    return next(price.cost for price in SKIP_PRICES if duration_s <= price.max_duration)
