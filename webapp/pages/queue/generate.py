"""The start page: ask for a sound, and hear the ones before."""

import math
from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from litestar import MediaType, Response, get, post

from webapp.errors import InvalidRequest, LimitReached, NotFound, ProductError, QueueFull, StorageFull
from webapp.http.dependencies import (
    InjectedAccounts,
    InjectedIds,
    InjectedQueue,
    InjectedWorkers,
)
from webapp.http.errors import describe
from webapp.pages.accounts.authentication import InjectedIdentity, InjectedViewer
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.forms import TAKES, Fields, generation_body, takes_wanted
from webapp.pages.frame.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.frame.partials import partial, toast
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.frame.words import wait
from webapp.pages.models.cards import model_cards
from webapp.pages.queue.front_page import InjectedFrontPage
from webapp.pages.queue.generate_contexts import (
    EMPTY_FORM,
    EXAMPLES,
    ComposeForm,
    ComposeFragment,
    GeneratePage,
    JobListFragment,
    QuoteFragment,
    QuoteView,
)
from webapp.pages.queue.variations import in_groups
from webapp.policy.generation import (
    DEFAULT_DURATION_S,
    DEFAULT_MODEL,
    MIN_DURATION_S,
    MODELS,
    parse_generation,
)
from webapp.policy.ideas import idea
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.queue.acceptance import Submitted
from webapp.services.queue.facade import QueueServices
from webapp.services.queue.views import JobView
from webapp.services.workers.facade import WorkerServices
from webapp.services.workers.status import StatusReport

RECENT_JOBS: Final = 20
# What a link to this page may fill in, such as "again" on a sound.
FROM_LINKS: Final = frozenset(
    ("prompt", "model", "duration", "loopable", "seed", "temperature", "top_k", "top_p", "guidance", "takes")
)


@get("/")
async def show_start(
    request: PageRequest,
    accounts: InjectedAccounts,
    queue: InjectedQueue,
    workers: InjectedWorkers,
    renderer: InjectedRenderer,
    front_page: InjectedFrontPage,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Where sounds are asked for; for strangers, what this is."""
    if viewer is None:
        return renderer.page(await front_page.read())
    typed = {name: value for name, value in request.query_params.items() if name in FROM_LINKS}
    form = await compose_form(queue, workers, viewer, {**EMPTY_FORM, **typed})
    page = _page(viewer, form, await job_list(accounts, queue, viewer))
    is_set_up_now = viewer.is_admin and request.query_params.get("done") == "set-up"
    return renderer.page(replace(page, is_set_up_now=is_set_up_now))


@post("/")
async def submit(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, workers: InjectedWorkers
) -> Response[Any]:
    """Put a job in line."""
    try:
        choice = parse_generation(generation_body(posted.fields))
        submitted = await queue.submissions.submit(posted.identity, choice, takes=takes_wanted(posted.fields))
    except (InvalidRequest, NotFound, LimitReached, QueueFull, StorageFull) as error:
        return await _refused(posted, accounts, queue, workers, error)
    if not posted.wants_fragments:
        return posted.see_other(f"/#job-{submitted.job_id}")
    # A seed holds for one request: kept, it would make the same sound of every later prompt.
    form = await compose_form(queue, workers, posted.identity, {**posted.fields, "seed": ""})
    jobs = await job_list(accounts, queue, posted.identity)
    return posted.renderer.fragments(
        posted.renderer.render(ComposeFragment(form)),
        partial("job-list", posted.renderer.render(jobs), swap="innerMorph"),
        in_line(submitted),
    )


@get("/quote")
async def show_quote(
    request: PageRequest, queue: InjectedQueue, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Response[Any]:
    """Return the quote for the job in the form: place, wait, price."""
    return renderer.page(QuoteFragment(await quote_view(queue, identity, dict(request.query_params))))


@get("/surprise")
async def surprise(
    request: PageRequest, new_ids: InjectedIds, workers: InjectedWorkers, identity: InjectedIdentity
) -> Response[Any]:
    """Propose a prompt that the engine behind a model can make; a background request gets the words alone."""
    del identity  # only who can generate is offered ideas
    model = request.query_params.get("model", DEFAULT_MODEL)
    words = await proposal(workers, new_ids.seed(), model)
    if wants_fragments(request):
        return Response(words, media_type=MediaType.TEXT, headers={"Cache-Control": "no-store"})
    return see_other(request, "/?" + urlencode({"prompt": words, "model": model}))


async def proposal(workers: WorkerServices, number: int, model: str) -> str:
    """Put together a prompt that the model's engine can make; an example while nothing serves the model."""
    engine = (await workers.status.report()).engines.get(model)
    if engine is None or engine.abilities is None:
        return EXAMPLES[number % len(EXAMPLES)]
    return idea(engine.abilities.idea_form, engine.abilities.idea_parts, number)


async def recent_jobs(queue: QueueServices, identity: Identity) -> tuple[JobView, ...]:
    """The account's newest jobs."""
    return tuple(await queue.jobs.of_account(identity.account_id, limit=RECENT_JOBS))


async def job_list(accounts: AccountServices, queue: QueueServices, identity: Identity) -> JobListFragment:
    """The cards of the account's newest jobs."""
    jobs = await recent_jobs(queue, identity)
    balance = await accounts.aura.balance(identity.account_id)
    return JobListFragment(in_groups(jobs), balance)


def in_line(submitted: Submitted, view: str = "") -> str:
    """Say where a new job stands, with the way to it, which is far below on a phone: its card, or `view`."""
    said = _("In line, place %(position)s", position=submitted.position)
    return toast(said, view=view or f"job-{submitted.job_id}")


async def compose_form(
    queue: QueueServices,
    workers: WorkerServices,
    identity: Identity,
    fields: Fields,
    error: ProductError | None = None,
) -> ComposeForm:
    """The form with what was typed, for an account's tier, as things stand now."""
    tier = queue.tiers[identity.tier]
    report = await workers.status.report()
    return ComposeForm(
        quote=await quote_view(queue, identity, fields),
        models=model_cards(report, tier.max_duration_s),
        max_duration_s=tier.max_duration_s,
        can_follow=_can_follow(report),
        fields=fields,
        error=_in_words(error) if error else None,
        error_field=error.field if isinstance(error, InvalidRequest) else None,
    )


def _can_follow(report: StatusReport) -> bool:
    """Return whether a model can follow a melody, or no worker says which can."""
    engines = [report.engines[model] for model in MODELS if model in report.engines]
    return not engines or any(engine.melody for engine in engines)


async def quote_view(queue: QueueServices, identity: Identity, fields: Fields) -> QuoteView:
    """Return the quote for a job with these fields; invalid fields count as the usual ones."""
    tier = queue.tiers[identity.tier]
    model = fields.get("model", DEFAULT_MODEL)
    duration_s = min(max(_duration_or_default(fields), MIN_DURATION_S), tier.max_duration_s)
    quote = await queue.submissions.quote(identity, model if model in MODELS else DEFAULT_MODEL, duration_s)
    takes = int(fields["takes"]) if fields.get("takes") in TAKES else 1
    return QuoteView(quote, hourly=tier.hourly, at_once=tier.at_once, takes=takes)


def _in_words(error: ProductError) -> str:
    """Return the refusal and, where waiting helps, how long to wait."""
    if isinstance(error, LimitReached) and error.policy and error.policy.window_s:
        # Which limit it is stands in the quote, right below.
        return _("You can start the next one in %(wait_time)s.", wait_time=wait(error.retry_after_s))
    if isinstance(error, LimitReached | QueueFull):
        return _(
            "%(reason)s. Try again in %(wait_time)s.",
            reason=error.message,
            wait_time=wait(error.retry_after_s),
        )
    return error.message


def _duration_or_default(fields: Fields) -> float:
    try:
        duration_s = float(fields.get("duration", ""))
    except ValueError:
        return DEFAULT_DURATION_S
    return duration_s if math.isfinite(duration_s) else DEFAULT_DURATION_S


def _page(viewer: Identity, form: ComposeForm, jobs: JobListFragment) -> GeneratePage:
    chrome = Chrome("generate", viewer, live="generate")
    return GeneratePage(chrome=chrome, form=form, groups=jobs.groups, balance=jobs.balance)


async def _refused(
    posted: Posted,
    accounts: AccountServices,
    queue: QueueServices,
    workers: WorkerServices,
    error: ProductError,
) -> Response[Any]:
    """The form again, with what was typed and why it was refused."""
    problem = describe(error)
    form = await compose_form(queue, workers, posted.identity, posted.fields, error)
    if posted.wants_fragments:
        response = posted.renderer.page(ComposeFragment(form), status=problem.status)
    else:
        jobs = await job_list(accounts, queue, posted.identity)
        response = posted.renderer.page(_page(posted.identity, form, jobs), status=problem.status)
    response.headers.update(problem.headers)
    return response
