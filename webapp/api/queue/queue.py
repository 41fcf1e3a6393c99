"""The queue, for everybody."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get
from msgspec import Meta

from webapp.api.accounts.authentication import ADDRESS, InjectedAddress
from webapp.api.queue.feed import InjectedQueueFeed
from webapp.api.queue.queue_schemas import DetailedQueue, QueueStatus, detailed_queue, queue_status
from webapp.http.dependencies import InjectedQueue, InjectedSettings, InjectedStreams
from webapp.http.openapi import EVENTS, describes, problems
from webapp.http.prepared import Prepare
from webapp.http.requests.query import only
from webapp.http.streams.sse import EventStream
from webapp.policy.queue.skip_prices import SkipPrice, skip_prices

PRICING_DESCRIPTION = "Pay with Aura to skip the queue and get your audio faster"

answer_in_short = Prepare(queue_status)
answer_in_full = Prepare(detailed_queue)


class SkipPricing(msgspec.Struct, frozen=True):
    """The price of a skip: the first row whose `max_duration` is not below the job's duration."""

    pricing: list[SkipPrice]
    currency: Literal["aura"]
    description: Annotated[str, Meta(examples=[PRICING_DESCRIPTION])]


class QueueController(Controller):
    """Public views of the queue."""

    tags = ("Queue",)

    @get(
        "/queue-status",
        summary="The queue in short",
        operation_class=describes(),
        responses=problems(400),
    )
    async def queue_status(self, queue: InjectedQueue) -> Response[QueueStatus]:
        """Processing jobs in the order they started, then waiting ones in the order they will start."""
        return answer_in_short(await queue.reader.snapshot())

    @get(
        "/api/queue",
        summary="The queue in full",
        before_request=only(),
        operation_class=describes(),
        responses=problems(400),
    )
    async def detailed_queue(self, queue: InjectedQueue) -> Response[DetailedQueue]:
        """The same jobs with their progress, why they stand where they do, and when they may start."""
        return answer_in_full(await queue.reader.snapshot())

    @get(
        "/api/queue/events",
        summary="The queue, as it changes",
        operation_class=describes(content=EVENTS, is_limited=True),
        responses=problems(429),
        dependencies=ADDRESS,
    )
    async def queue_events(
        self,
        request: Request[Any, Any, Any],
        queue_feed: InjectedQueueFeed,
        streams: InjectedStreams,
        address: InjectedAddress,
    ) -> EventStream:
        """Server-sent events named `queue`: what `/api/queue` says now, and again after every change."""
        release = await streams.caps.hold_for(request, None, address)
        return EventStream(queue_feed.events(), streams.stop, on_close=release)

    @get(
        "/api/queue/skip-pricing",
        summary="What skipping the queue costs",
        operation_class=describes(),
        responses=problems(400),
    )
    async def skip_pricing(self, settings: InjectedSettings) -> SkipPricing:
        """A job pays the first price whose `max_duration` is not below its duration."""
        return SkipPricing(list(skip_prices(settings)), "aura", PRICING_DESCRIPTION)
