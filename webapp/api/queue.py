"""The queue, for everybody."""

from typing import Annotated, Literal

import msgspec
from litestar import Controller, get
from msgspec import Meta

from webapp.api.job_schemas import DetailedQueue, QueueStatus, detailed_queue, queue_status
from webapp.http.dependencies import InjectedServices
from webapp.policy.pricing import SkipPrice, skip_prices

PRICING_DESCRIPTION = "Pay with Aura to skip the queue and get your audio faster"


class SkipPricing(msgspec.Struct, frozen=True):
    """What skipping costs: the first row whose `max_duration` is not below the job's duration."""

    pricing: list[SkipPrice]
    currency: Literal["aura"]
    description: Annotated[str, Meta(examples=[PRICING_DESCRIPTION])]


class QueueController(Controller):
    """Public views of the queue."""

    tags = ("Queue",)

    @get("/queue-status", summary="The queue in short")
    async def queue_status(self, services: InjectedServices) -> QueueStatus:
        return queue_status(await services.queue.snapshot())

    @get("/api/queue", summary="The queue in full")
    async def detailed_queue(self, services: InjectedServices) -> DetailedQueue:
        return detailed_queue(await services.queue.snapshot())

    @get("/api/queue/skip-pricing", summary="What skipping the queue costs")
    async def skip_pricing(self, services: InjectedServices) -> SkipPricing:
        return SkipPricing(list(skip_prices(services.settings)), "aura", PRICING_DESCRIPTION)
