"""The price of skipping the queue."""

from collections.abc import Sequence
from dataclasses import dataclass

from webapp.settings import Settings


@dataclass(frozen=True, slots=True)
class SkipPrice:
    """The price in Aura of skipping with a clip no longer than `max_duration` seconds."""

    max_duration: int
    cost: int
    label: str


def skip_prices(settings: Settings) -> tuple[SkipPrice, ...]:
    """Return the price list, shortest clips first; its last row covers any clip."""
    return (
        SkipPrice(10, settings.skip_cost_10s, "Short SFX"),
        SkipPrice(30, settings.skip_cost_30s, "Medium clip"),
        SkipPrice(60, settings.skip_cost_60s, "Long SFX"),
        SkipPrice(120, settings.skip_cost_120s, "Song"),
        SkipPrice(999, settings.skip_cost_longer, "Long song"),
    )


def skip_cost(duration_s: float, prices: Sequence[SkipPrice]) -> int:
    """Return the price of a skip for a job of this length: that of the first row that covers it."""
    return next(price.cost for price in prices if duration_s <= price.max_duration)
