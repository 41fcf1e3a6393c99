"""What people do with a job, from its card or its line in the queue."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.http.dependencies import InjectedServices
from webapp.pages.authentication import InjectedIdentity
from webapp.pages.contexts import JobFragment, JobListFragment
from webapp.pages.forms import Fields, read_form
from webapp.pages.generate import recent_jobs
from webapp.pages.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.partials import announcement, partial
from webapp.pages.rendering import InjectedRenderer, Renderer
from webapp.services.container import Services
from webapp.services.identity import Identity

# Where the forms that post here stand.
PLACES: Final = frozenset({"/", "/queue"})


@post("/jobs/{job_id:str}/cancel")
async def cancel(
    request: PageRequest,
    job_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Take an own waiting job out of the queue."""
    fields = await read_form(request)
    await services.jobs.cancel(identity, job_id)
    if not wants_fragments(request):
        return see_other(request, _back(fields, job_id))
    return await _card(services, renderer, identity, job_id, "Job cancelled")


@post("/jobs/{job_id:str}/skip")
async def skip(
    request: PageRequest,
    job_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Pay to move an own waiting job to the front."""
    fields = await read_form(request)
    receipt = await services.jobs.skip(identity, job_id)
    if not wants_fragments(request):
        return see_other(request, _back(fields, job_id))
    said = f"Skipped to front of queue for {receipt.cost} Aura; {receipt.new_balance} left"
    return await _card(services, renderer, identity, job_id, said)


@post("/jobs/{job_id:str}/again")
async def again(
    request: PageRequest,
    job_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Ask for the same sound once more: from the same seed, or from another one."""
    fields = await read_form(request)
    job = await services.jobs.get(identity, job_id)
    seed = _made_with(job.sound.seed if job.sound else job.seed, fields)
    submitted = await services.submissions.submit(identity, job.asked_again(seed))
    return await _new_job(
        request, services, renderer, identity, job_id=submitted.job_id, position=submitted.position
    )


@post("/jobs/{job_id:str}/retry")
async def retry(
    request: PageRequest,
    job_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Submit a failed job once more."""
    await read_form(request)
    submitted = await services.jobs.retry(identity, job_id)
    return await _new_job(
        request, services, renderer, identity, job_id=submitted.job_id, position=submitted.position
    )


def _made_with(seed: int, fields: Fields) -> int | None:
    return seed if fields.get("seed") == "same" else None


def _back(fields: Fields, job_id: str) -> str:
    place = fields.get("place", "/")
    return f"{place if place in PLACES else '/'}#job-{job_id}"


async def _card(
    services: Services, renderer: Renderer, identity: Identity, job_id: str, said: str
) -> Response[Any]:
    """The job's card as it is now; on a page without one, only what was done is said."""
    card = renderer.render(JobFragment(await services.jobs.get(identity, job_id)))
    return renderer.fragments(partial(f"job-{job_id}", card), announcement(said))


async def _new_job(
    request: PageRequest,
    services: Services,
    renderer: Renderer,
    identity: Identity,
    *,
    job_id: str,
    position: int,
) -> Response[Any]:
    """The list with a job that has just been added."""
    if not wants_fragments(request):
        return see_other(request, f"/#job-{job_id}")
    cards = renderer.render(JobListFragment(await recent_jobs(services, identity)))
    return renderer.fragments(
        partial("job-list", cards, swap="innerMorph"), announcement(f"In line at place {position}")
    )


JOB_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (cancel, skip, again, retry)
