"""Steering jobs: out of the queue, to its front, out of a worker's hands."""

from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, post
from msgspec import Meta

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.queue.generate import JobId
from webapp.api.queue.idempotency import once_under_key
from webapp.api.shared.limits import action_announced
from webapp.http.dependencies import InjectedQueue, InjectedShared
from webapp.http.openapi import BEARER_SECURITY, IDEMPOTENCY_KEY, describes, problems
from webapp.services.queue.jobs import SkipReceipt

AnyRequest = Request[Any, Any, Any]


class Cancelled(msgspec.Struct, frozen=True):
    """A job was taken out of the queue."""

    success: Literal[True] = True
    message: Annotated[str, Meta(examples=["Job cancelled"])] = "Job cancelled"


class Stopped(msgspec.Struct, frozen=True):
    """A job that was being made is being made no longer."""

    success: Literal[True] = True
    message: Annotated[str, Meta(examples=["Job stopped"])] = "Job stopped"


class Skipped(msgspec.Struct, frozen=True):
    """A job was moved to the front."""

    message: Annotated[str, Meta(examples=["Skipped to front of queue for 3 Aura"])]
    cost: Annotated[int, Meta(description="Aura paid.", examples=[3])]
    new_balance: Annotated[int, Meta(description="Aura left.", examples=[47])]
    success: Literal[True] = True


class SteeringController(Controller):
    """Actions of a job's owner while it is in the queue."""

    path = "/api/queue/{job_id:str}"
    tags = ("Queue",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @post(
        "/cancel",
        summary="Cancel a waiting job",
        status_code=200,
        operation_class=describes(is_limited=True),
        response_description="The job is cancelled.",
        responses=problems(400, 401, 403, 404, 429),
    )
    async def cancel(
        self, request: AnyRequest, job_id: JobId, queue: InjectedQueue, identity: InjectedIdentity
    ) -> Cancelled:
        """Aura that was paid to skip comes back. Admins may cancel anybody's."""
        async with action_announced(request, queue, identity, "cancel"):
            await queue.jobs.cancel(identity, job_id)
        return Cancelled()

    @post(
        "/stop",
        summary="Stop a job that is being generated",
        status_code=200,
        operation_class=describes(is_limited=True),
        response_description="The job is cancelled; its worker drops it between two steps.",
        responses=problems(400, 401, 403, 404, 429),
    )
    async def stop(
        self,
        request: AnyRequest,
        job_id: JobId,
        queue: InjectedQueue,
        identity: InjectedIdentity,
    ) -> Stopped:
        """The sound made so far is lost, and what was paid to skip comes back.

        A stop counts with cancellations. Admins may stop anybody's.
        """
        async with action_announced(request, queue, identity, "cancel"):
            await queue.jobs.stop(identity, job_id)
        return Stopped()

    @post(
        "/skip",
        summary="Pay Aura to move a waiting job to the front",
        status_code=200,
        operation_class=describes(takes=(IDEMPOTENCY_KEY,), is_limited=True),
        response_description="The job is at the front, behind earlier skips.",
        responses=problems(400, 401, 403, 404, 422, 429),
    )
    async def skip(
        self,
        request: AnyRequest,
        job_id: JobId,
        queue: InjectedQueue,
        shared: InjectedShared,
        identity: InjectedIdentity,
    ) -> Skipped:
        """The price depends on the job's duration; it comes back if the job is cancelled or fails."""
        async with action_announced(request, queue, identity, "skip"):
            once = once_under_key(request, shared, identity, SkipReceipt)
            receipt = await queue.jobs.skip(identity, job_id, once=once)
        return Skipped(
            f"Skipped to front of queue for {receipt.cost} Aura", receipt.cost, receipt.new_balance
        )
