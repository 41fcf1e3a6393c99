"""The actions on a job, from its card or its line in the queue."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedAccounts, InjectedLibrary, InjectedQueue
from webapp.pages.frame.answers import ask, is_confirmed, library_changed
from webapp.pages.frame.chrome import Section
from webapp.pages.frame.forms import Fields
from webapp.pages.frame.partials import TOASTS, partial, toast
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.texts import _
from webapp.pages.queue.generate import in_line, job_list
from webapp.pages.queue.generate_contexts import RunAgainToast
from webapp.pages.queue.variations import card_of
from webapp.policy.queue.job_status import TERMINAL
from webapp.services.accounts.facade import AccountServices
from webapp.services.queue.acceptance import Submitted
from webapp.services.queue.facade import QueueServices

# Where the forms that post here stand, and the sections of these pages.
PLACES: Final[dict[str, Section]] = {"/": "generate", "/queue": "queue"}


@post("/jobs/{job_id:str}/cancel")
async def cancel(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, job_id: FromPath[str]
) -> Response[Any]:
    """Take an own waiting job out of the queue."""
    await queue.jobs.cancel(posted.identity, job_id)
    said = await _with_way_back(posted, queue, job_id, _("Job cancelled."))
    return await _changed(posted, accounts, queue, job_id, said)


@post("/jobs/{job_id:str}/stop")
async def stop(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, job_id: FromPath[str]
) -> Response[Any]:
    """End an own job that is being made, once that was confirmed."""
    if not is_confirmed(posted.fields):
        job = await queue.jobs.get(posted.identity, job_id)
        return ask(
            posted,
            _("Stop this job?"),
            _("%(prompt)s – the sound made so far is lost.", prompt=job.prompt),
            verb=_("Stop job"),
            opposite=_("Let it run"),
            action=f"/jobs/{job_id}/stop",
            section=PLACES[_page_of(posted.fields)],
            back=_shown_at(posted.fields, job_id),
        )
    try:
        await queue.jobs.stop(posted.identity, job_id)
        said = await _with_way_back(posted, queue, job_id, _("Job stopped."))
    except InvalidRequest:
        # It ended while somebody thought about it: that is no mistake of theirs.
        if (await queue.jobs.get(posted.identity, job_id)).status not in TERMINAL:
            raise
        said = toast(_("This job has already finished."))
    return await _changed(posted, accounts, queue, job_id, said)


@post("/jobs/{job_id:str}/skip")
async def skip(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, job_id: FromPath[str]
) -> Response[Any]:
    """Pay to move an own waiting job to the front."""
    receipt = await queue.jobs.skip(posted.identity, job_id)
    job = await queue.jobs.get(posted.identity, job_id)
    paid = {"price": receipt.cost, "balance": f"{receipt.new_balance:,}"}
    if job.position:
        said = _(
            "Moved to place %(position)s for %(price)s Aura. Your balance is %(balance)s Aura.",
            position=job.position,
            **paid,
        )
    else:
        said = _("Moved ahead for %(price)s Aura. Your balance is %(balance)s Aura.", **paid)
    return await _changed(posted, accounts, queue, job_id, toast(said))


@post("/jobs/{job_id:str}/again")
async def again(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, job_id: FromPath[str]
) -> Response[Any]:
    """Ask for the same sound once more: from the same seed, or from another one."""
    job = await queue.jobs.get(posted.identity, job_id)
    seed = _made_with(job.sound.seed if job.sound else job.seed, posted.fields)
    submitted = await queue.submissions.submit(posted.identity, job.to_new_request(seed))
    return await _added(posted, accounts, queue, submitted)


@post("/jobs/{job_id:str}/retry")
async def retry(
    posted: InjectedPosted, accounts: InjectedAccounts, queue: InjectedQueue, job_id: FromPath[str]
) -> Response[Any]:
    """Submit a failed job once more."""
    submitted = await queue.jobs.retry(posted.identity, job_id)
    return await _added(posted, accounts, queue, submitted)


@post("/jobs/{job_id:str}/keep")
async def keep(
    posted: InjectedPosted, queue: InjectedQueue, library: InjectedLibrary, job_id: FromPath[str]
) -> Response[Any]:
    """Delete the sounds of a job's other variations, once that was confirmed."""
    job = await queue.jobs.get(posted.identity, job_id)
    sounds = await queue.jobs.sounds_of_other_variations(job)
    if not is_confirmed(posted.fields):
        return ask(
            posted,
            _("Keep only variation %(variation)s?", variation=job.variation),
            _("%(prompt)s – the others are deleted for good.", prompt=job.prompt),
            verb=_("Delete the others"),
            opposite=_("Keep all"),
            action=f"/jobs/{job_id}/keep",
            section="generate",
            back="/",
        )
    await library.publishing.delete_all(posted.identity, sounds)
    return library_changed(posted, _("Variation %(variation)s kept", variation=job.variation), back="/")


def _made_with(seed: int, fields: Fields) -> int | None:
    return seed if fields.get("seed") == "same" else None


def _page_of(fields: Fields) -> str:
    """Return the page on which a form stood."""
    place = fields.get("place", "/")
    return place if place in PLACES else "/"


def _shown_at(fields: Fields, job_id: str) -> str:
    """Return the address of the job on the page on which a form stood."""
    place = _page_of(fields)
    return f"{place}#{'queue-' if place == '/queue' else ''}job-{job_id}"


async def _with_way_back(posted: Posted, queue: QueueServices, job_id: str, said: str) -> str:
    """The report that a job has ended, with a button that asks for the same once more, if its owner may."""
    job = await queue.jobs.get(posted.identity, job_id)
    quote = await queue.submissions.quote(posted.identity, job.model, job.duration_s)
    is_own = job.account_id == posted.identity.account_id
    if not (is_own and quote.jobs_left_this_hour and quote.at_once_left):
        return toast(said)
    offer = RunAgainToast(said, job_id, _page_of(posted.fields))
    return partial(TOASTS, posted.renderer.render(offer), swap="beforeend")


async def _changed(
    posted: Posted, accounts: AccountServices, queue: QueueServices, job_id: str, said: str
) -> Response[Any]:
    """The job's card as it is now; on a page without one, only what was done is said."""
    if not posted.wants_fragments:
        return posted.see_other(_shown_at(posted.fields, job_id))
    job = await queue.jobs.get(posted.identity, job_id)
    balance = await accounts.aura.balance(posted.identity.account_id)
    card = posted.renderer.render(card_of(job, balance))
    return posted.renderer.fragments(partial(f"job-{job_id}", card), said)


async def _added(
    posted: Posted, accounts: AccountServices, queue: QueueServices, submitted: Submitted
) -> Response[Any]:
    """The list with a job that has just been added; on a page without the list, only where it stands."""
    if not posted.wants_fragments:
        return posted.see_other(f"/#job-{submitted.job_id}")
    if _page_of(posted.fields) == "/queue":
        return posted.renderer.fragments(in_line(submitted, view=f"queue-job-{submitted.job_id}"))
    jobs = await job_list(accounts, queue, posted.identity)
    return posted.renderer.fragments(
        partial("job-list", posted.renderer.render(jobs), swap="innerMorph"),
        in_line(submitted),
    )


JOB_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    cancel,
    stop,
    skip,
    again,
    retry,
    keep,
)
