"""Submitting jobs, following them, and steering them."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta

from webapp.api.authentication import AUTHENTICATION, InjectedAddress, InjectedIdentity
from webapp.api.job_schemas import GenerateBody, JobStatusBody, SubmittedJob, job_status
from webapp.http.body import read_json_object
from webapp.http.dependencies import InjectedServices, InjectedStreams
from webapp.http.openapi import BEARER_SECURITY, problems, reads
from webapp.http.rate_limit import RateLimit, announce
from webapp.http.sse import EventStream, ServerEvent
from webapp.policy.generation import parse_generation
from webapp.services.container import Services
from webapp.services.identity import Identity
from webapp.services.submissions import Submitted
from webapp.services.throttle import HOUR_S
from webapp.services.views import JobStatus

AnyRequest = Request[Any, Any, Any]
JobId = Annotated[str, PathParameter(description="The job's id, 12 lower-case hex digits.")]
POLL_S = 5.0


class Cancelled(msgspec.Struct, frozen=True):
    """A job was taken out of the queue."""

    success: Literal[True] = True
    message: str = "Job cancelled"


class Skipped(msgspec.Struct, frozen=True):
    """A job was moved to the front."""

    message: Annotated[str, Meta(examples=["Skipped to front of queue for 3 Aura"])]
    cost: Annotated[int, Meta(description="Aura paid.")]
    new_balance: Annotated[int, Meta(description="Aura left.")]
    success: Literal[True] = True


class JobList(msgspec.Struct, frozen=True):
    """A page of the account's own jobs, newest first."""

    jobs: list[JobStatusBody]
    page: int
    per_page: int
    has_more: bool


class GenerationController(Controller):
    """Jobs of the account whose token was sent."""

    tags = ("Generation",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @post(
        "/generate",
        summary="Submit a job",
        operation_class=reads(GenerateBody),
        responses=problems(400, 401, 413, 415, 429, 503, 507),
    )
    async def generate(
        self, request: AnyRequest, services: InjectedServices, identity: InjectedIdentity
    ) -> Response[SubmittedJob]:
        """Put a job in line; it is durable when this is answered."""
        async with _announced(request, services, identity):
            choice = parse_generation(await read_json_object(request))
            submitted = await services.submissions.submit(identity, choice)
        return _accepted(submitted)

    @get("/job/{job_id:str}", summary="One job", responses=problems(401, 403, 404))
    async def job(
        self, job_id: JobId, services: InjectedServices, identity: InjectedIdentity
    ) -> JobStatusBody:
        return job_status(await services.jobs.get(identity, job_id))

    @get(
        "/job/{job_id:str}/events",
        summary="One job, as it changes",
        responses={200: ResponseSpec(str, media_type="text/event-stream"), **problems(401, 403, 404, 429)},
    )
    async def job_events(
        self,
        job_id: JobId,
        services: InjectedServices,
        identity: InjectedIdentity,
        streams: InjectedStreams,
        address: InjectedAddress,
    ) -> EventStream:
        """Server-sent events: the job now, and again after every change, until it has ended."""
        await services.jobs.get(identity, job_id)
        release = streams.caps.hold(identity.account_id, address)
        return EventStream(_job_events(services, identity, job_id), streams.stop, on_close=release)

    @get("/api/jobs", summary="The account's jobs", responses=problems(400, 401))
    async def jobs(
        self,
        services: InjectedServices,
        identity: InjectedIdentity,
        status: Annotated[JobStatus | None, QueryParameter(description="Only jobs in this state.")] = None,
        page: Annotated[int, QueryParameter(ge=1, le=100_000, description="Counted from 1.")] = 1,
        per_page: Annotated[int, QueryParameter(ge=1, le=100, description="Jobs on one page.")] = 20,
    ) -> JobList:
        """The account's own jobs, newest first, of one state or all."""
        found = await services.jobs.of_account(
            identity.account_id,
            statuses=(status,) if status else (),
            limit=per_page + 1,
            offset=(page - 1) * per_page,
        )
        return JobList([job_status(job) for job in found[:per_page]], page, per_page, len(found) > per_page)

    @post(
        "/api/jobs/{job_id:str}/retry",
        summary="Submit a failed job again",
        responses=problems(400, 401, 403, 404, 429, 503, 507),
    )
    async def retry(
        self, request: AnyRequest, job_id: JobId, services: InjectedServices, identity: InjectedIdentity
    ) -> Response[SubmittedJob]:
        async with _announced(request, services, identity):
            submitted = await services.jobs.retry(identity, job_id)
        return _accepted(submitted)

    @post(
        "/api/queue/{job_id:str}/cancel",
        summary="Cancel a waiting job",
        status_code=200,
        responses=problems(400, 401, 403, 404, 429),
    )
    async def cancel(
        self, request: AnyRequest, job_id: JobId, services: InjectedServices, identity: InjectedIdentity
    ) -> Cancelled:
        """What was paid to skip comes back. Admins may cancel anybody's."""
        async with _announced_action(request, services, identity, "cancel"):
            await services.jobs.cancel(identity, job_id)
        return Cancelled()

    @post(
        "/api/queue/{job_id:str}/skip",
        summary="Pay Aura to move a waiting job to the front",
        status_code=200,
        responses=problems(400, 401, 403, 404, 429),
    )
    async def skip(
        self, request: AnyRequest, job_id: JobId, services: InjectedServices, identity: InjectedIdentity
    ) -> Skipped:
        async with _announced_action(request, services, identity, "skip"):
            receipt = await services.jobs.skip(identity, job_id)
        return Skipped(
            f"Skipped to front of queue for {receipt.cost} Aura", receipt.cost, receipt.new_balance
        )


def _accepted(submitted: Submitted) -> Response[SubmittedJob]:
    body = SubmittedJob(
        job_id=submitted.job_id,
        status="queued",
        position=submitted.position,
        priority=submitted.priority,
        message=f"Job queued at position {submitted.position}",
    )
    return Response(body, status_code=201, headers={"Location": f"/job/{submitted.job_id}"})


@asynccontextmanager
async def _announced(request: AnyRequest, services: Services, identity: Identity) -> AsyncIterator[None]:
    """Tell what is left of the hour with whatever answers the request, an error too."""
    try:
        yield
    finally:
        usage = await services.usage.of(identity.account_id, identity.tier)
        hourly = usage.hourly
        announce(request, RateLimit("hour", hourly.limit, HOUR_S, hourly.left, usage.hour_resets_s))


@asynccontextmanager
async def _announced_action(
    request: AnyRequest, services: Services, identity: Identity, action: Literal["cancel", "skip"]
) -> AsyncIterator[None]:
    try:
        yield
    finally:
        usage = await services.jobs.action_usage(identity, action)
        if usage is not None:
            announce(request, RateLimit(action, usage.limit, usage.window_s, usage.remaining, usage.reset_s))


async def _job_events(
    services: Services, identity: Identity, job_id: str
) -> AsyncGenerator[ServerEvent, None]:
    last = b""
    with services.bus.subscribe() as hints:
        while True:
            job = await services.jobs.get(identity, job_id)
            body = msgspec.json.encode(job_status(job))
            if body != last:
                yield ServerEvent(body.decode(), name="job")
                last = body
            if job.has_ended:
                return
            await hints.wait(POLL_S)
