"""Submitting jobs and following them."""

from collections.abc import Mapping
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import Provide
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import PathParameter, QueryParameter
from litestar.response.base import ASGIResponse
from msgspec import Meta

from webapp.api.accounts.authentication import (
    AUTHENTICATION,
    InjectedAddress,
    InjectedIdentity,
    InjectedReader,
    provide_event_reader,
    token_welcome,
)
from webapp.api.queue.following import Follower, has_seen_the_end, job_events
from webapp.api.queue.idempotency import once_under_key
from webapp.api.queue.preferences import preferred_wait_s
from webapp.api.queue.schemas import (
    AwaitedJob,
    GenerateBody,
    JobStatusBody,
    SubmittedJob,
    awaited_job,
    job_status,
    submitted_job,
)
from webapp.api.shared import examples
from webapp.api.shared.limits import hour_announced
from webapp.api.shared.paging import PAGING, Page, PerPage, has_more, offset
from webapp.http.dependencies import (
    InjectedAccounts,
    InjectedBus,
    InjectedQueue,
    InjectedShared,
    InjectedStreams,
)
from webapp.http.middleware.prefix import public_path
from webapp.http.openapi import (
    BEARER_SECURITY,
    EVENTS,
    IDEMPOTENCY_KEY,
    LAST_EVENT_ID,
    LOCATION,
    PREFER,
    PREFERENCE_APPLIED,
    SESSION_SECURITY,
    describes,
    problems,
)
from webapp.http.prepared import Prepare
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.http.streams.sse import EventStream
from webapp.policy.generation import parse_generation, parse_takes
from webapp.policy.queue.job_ids import JOB_ID_PATTERN, JOB_ID_RULE
from webapp.policy.queue.job_status import JobStatus
from webapp.services.queue.submissions import Submitted
from webapp.services.queue.views import JobView

AnyRequest = Request[Any, Any, Any]
# Described only: what is no job's id is not found (404), not refused (400).
JobId = Annotated[
    str,
    PathParameter(description=f"The job's id, {JOB_ID_RULE}.", schema_extra={"pattern": JOB_ID_PATTERN}),
]
END_SEEN = "The reader was told how the job ended; there is nothing more to tell."
Body = TypeVar("Body", SubmittedJob, SubmittedJob | AwaitedJob)

# Jobs that were asked for lately; what is told of one is the same for whoever may see it.
job_answer = Prepare(job_status, capacity=256)


class JobList(msgspec.Struct, frozen=True):
    """A page of the account's own jobs, newest first."""

    items: list[JobStatusBody]
    jobs: Annotated[list[JobStatusBody], Meta(description="The same as `items`, under its older name.")]
    page: int
    per_page: int
    total: Annotated[int, Meta(description="Jobs in the whole list.")]
    has_more: bool


class GenerationController(Controller):
    """Jobs of the account whose token was sent."""

    tags = ("Generation",)
    dependencies = AUTHENTICATION
    security = BEARER_SECURITY

    @post(
        "/generate",
        summary="Submit a job",
        operation_class=describes(
            reads=GenerateBody,
            body_examples=examples.GENERATE_BODIES,
            takes=(IDEMPOTENCY_KEY, PREFER),
            gives={"Location": LOCATION, "Preference-Applied": PREFERENCE_APPLIED},
            is_limited=True,
        ),
        response_description="The job is in line; it is durable.",
        responses=problems(400, 401, 404, 408, 413, 415, 422, 429, 503, 507),
    )
    async def generate(
        self,
        request: AnyRequest,
        bus: InjectedBus,
        accounts: InjectedAccounts,
        queue: InjectedQueue,
        shared: InjectedShared,
        identity: InjectedIdentity,
        address: InjectedAddress,
        streams: InjectedStreams,
    ) -> Response[SubmittedJob | AwaitedJob]:
        """Queue a job. Once this is answered, the job is stored safely.

        `Idempotency-Key` makes a repetition safe for a day. `Prefer: wait=N` holds the answer until the
        job has ended or N seconds, 45 at most, have passed, and answers with the job; of several takes it is
        the first that is waited for.
        """
        job: JobView | None = None
        async with hour_announced(request, accounts, identity):
            body = await read_json_object(request)
            choice, takes = parse_generation(body), parse_takes(body)
            lists_takes = body.get("takes") is not None
            once = once_under_key(request, shared, identity, Submitted, body)
            submitted = await queue.submissions.submit(identity, choice, once=once, takes=takes)
            wait_s = preferred_wait_s(request.headers.getall("prefer", []))
            if wait_s is not None:
                welcome = token_welcome(request, bus, accounts, identity)
                follower = Follower(request, bus, queue, streams, identity, address, welcome)
                job = await follower.held(submitted.job_id, wait_s)
        if job is None:
            return _accepted(submitted_job(submitted, lists_takes=lists_takes), submitted.job_id)
        applied = {"Preference-Applied": f"wait={wait_s}"}
        return _accepted(awaited_job(job, submitted, lists_takes=lists_takes), submitted.job_id, applied)

    @get(
        "/job/{job_id:str}",
        summary="One job",
        operation_class=describes(),
        responses=problems(401, 403, 404, 429),
    )
    async def job(
        self, job_id: JobId, queue: InjectedQueue, identity: InjectedIdentity
    ) -> Response[JobStatusBody]:
        """The job with the fields of its state, for its owner and for admins."""
        return job_answer(await queue.jobs.get(identity, job_id), key=job_id)

    @get(
        "/job/{job_id:str}/events",
        summary="One job, as it changes",
        operation_class=describes(content=EVENTS, is_limited=True, takes=(LAST_EVENT_ID,)),
        dependencies={"reader": Provide(provide_event_reader)},
        security=SESSION_SECURITY,
        responses={204: ResponseSpec(None, description=END_SEEN), **problems(401, 403, 404, 429)},
    )
    async def job_events(
        self,
        request: AnyRequest,
        job_id: JobId,
        bus: InjectedBus,
        queue: InjectedQueue,
        reader: InjectedReader,
        streams: InjectedStreams,
        address: InjectedAddress,
    ) -> ASGIResponse:
        """Server-sent events named `job`: the job now, and again after every change, until it has ended.

        A reader who reconnects after the last event gets 204, at which an `EventSource` stops. A page of
        this server may follow a job with its session; everybody else sends a token.
        """
        release = await streams.caps.hold_for(request, reader.identity.account_id, address)
        try:
            job = await queue.jobs.get(reader.identity, job_id)
        except BaseException:
            release()
            raise
        if has_seen_the_end(job, request.headers.get("last-event-id", "")):
            release()
            return ASGIResponse(status_code=204)
        events = job_events(bus, queue, reader.identity, job_id)
        return EventStream(events, streams.stop, welcome=reader.welcome, on_close=release)

    @get(
        "/api/jobs",
        summary="The account's jobs",
        before_request=only("status", *PAGING),
        operation_class=describes(),
        responses=problems(400, 401, 429),
    )
    async def jobs(
        self,
        queue: InjectedQueue,
        identity: InjectedIdentity,
        status: Annotated[JobStatus | None, QueryParameter(description="Only jobs in this state.")] = None,
        page: Page = 1,
        per_page: PerPage = 20,
    ) -> JobList:
        """The account's own jobs, newest first, of one state or all."""
        account_id, statuses = identity.account_id, (status,) if status else ()
        found = await queue.jobs.of_account(
            account_id, statuses=statuses, limit=per_page, offset=offset(page, per_page)
        )
        total = await queue.jobs.count_of_account(account_id, statuses=statuses)
        jobs = [job_status(job) for job in found]
        return JobList(jobs, jobs, page, per_page, total, has_more(page, per_page, total))

    @post(
        "/api/jobs/{job_id:str}/retry",
        summary="Submit a failed job again",
        operation_class=describes(takes=(IDEMPOTENCY_KEY,), gives={"Location": LOCATION}, is_limited=True),
        response_description="A new job like the failed one is in line; it is durable.",
        responses=problems(400, 401, 403, 404, 422, 429, 503, 507),
    )
    async def retry(
        self,
        request: AnyRequest,
        job_id: JobId,
        accounts: InjectedAccounts,
        queue: InjectedQueue,
        shared: InjectedShared,
        identity: InjectedIdentity,
    ) -> Response[SubmittedJob]:
        """A new job within the usual limits; the failed one stays as it is."""
        async with hour_announced(request, accounts, identity):
            once = once_under_key(request, shared, identity, Submitted)
            submitted = await queue.jobs.retry(identity, job_id, once=once)
        return _accepted(submitted_job(submitted), submitted.job_id)


def _accepted(body: Body, job_id: str, headers: Mapping[str, str] | None = None) -> Response[Body]:
    location = public_path(f"/job/{job_id}")
    return Response(body, status_code=201, headers={"Location": location, **(headers or {})})
