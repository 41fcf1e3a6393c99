"""Admins' actions on the queue's page: on jobs, the whole queue, workers and models."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedAdministration
from webapp.pages.frame.live import Fragment
from webapp.pages.frame.partials import TOASTS, partial
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.texts import N_, _, counted, forms, translated
from webapp.pages.queue.contexts import UndoToast
from webapp.pages.queue.feed import InjectedSharedQueue, QueueFeed, SharedQueue
from webapp.pages.queue.filter import filter_of_address
from webapp.policy.queue.job_actions import ADMIN_ACTIONS, AdminAction
from webapp.services.admin.queue import Outcome
from webapp.services.workers.control import WishAction

DONE: Final[dict[AdminAction, tuple[str, str]]] = {
    "cancel": forms("Job cancelled.", "%(number)s jobs cancelled."),
    "restore": forms("Job put back in the queue.", "%(number)s jobs put back in the queue."),
    "stop": forms("Job stopped.", "%(number)s jobs stopped."),
    "retry": forms("Job put back in the queue.", "%(number)s jobs put back in the queue."),
    "move": forms("Job moved to the front.", "%(number)s jobs moved to the front."),
    "unmove": forms("Job moved back.", "%(number)s jobs moved back."),
}
UNDO: Final[dict[AdminAction, AdminAction]] = {
    "cancel": "restore",
    "restore": "cancel",
    "stop": "retry",
    "retry": "cancel",
    "move": "unmove",
    "unmove": "move",
}


@post("/queue/act")
async def act(
    posted: InjectedPosted, administration: InjectedAdministration, shared_queue: InjectedSharedQueue
) -> Response[Any]:
    """Take an action on one job or several."""
    action = _action(posted.fields.get("action", ""))
    job_ids = [value for name, value in posted.pairs if name == "id"]
    outcome = await administration.queue.act_on(posted.identity, action, job_ids)
    undo = UNDO[action] if outcome.done else None
    return await _answer(posted, shared_queue, _told(action, outcome), undo, outcome.done)


@post("/queue/pause")
async def pause(
    posted: InjectedPosted, administration: InjectedAdministration, shared_queue: InjectedSharedQueue
) -> Response[Any]:
    """Pause the queue or let it go on."""
    is_paused = posted.fields.get("paused") == "yes"
    await administration.queue.set_paused(posted.identity, is_paused=is_paused)
    text = _("Queue paused. Running jobs will finish.") if is_paused else _("Queue resumed")
    return await _answer(posted, shared_queue, text)


@post("/queue/workers/{worker_id:str}/drain")
async def drain(
    posted: InjectedPosted,
    administration: InjectedAdministration,
    worker_id: FromPath[str],
    shared_queue: InjectedSharedQueue,
) -> Response[Any]:
    """Let a worker take no more jobs, or take them again."""
    is_draining = posted.fields.get("draining") == "yes"
    await administration.operations.drain(posted.identity, worker_id, is_draining=is_draining)
    text = (
        _("The worker finishes its jobs and takes no more")
        if is_draining
        else _("The worker takes jobs again")
    )
    return await _answer(posted, shared_queue, text)


WISHED: Final[dict[WishAction, str]] = {
    "load": N_("Every worker will load it"),
    "unload": N_("Every worker will unload it"),
    "pin": N_("It now stays loaded"),
    "unpin": N_("It can be unloaded again"),
}


@post("/queue/models/{model:str}")
async def wish(
    posted: InjectedPosted,
    administration: InjectedAdministration,
    model: FromPath[str],
    shared_queue: InjectedSharedQueue,
) -> Response[Any]:
    """Have every worker load, unload, keep or no longer keep a model."""
    action = posted.fields.get("action", "")
    if action not in WISHED:
        raise InvalidRequest(_("Choose what to do with the model"))
    await administration.operations.wish(posted.identity, model, action)
    return await _answer(posted, shared_queue, translated(WISHED[action]))


def _action(name: str) -> AdminAction:
    if name not in ADMIN_ACTIONS:
        raise InvalidRequest(_("Choose what to do with the jobs"))
    return name


def _told(action: AdminAction, outcome: Outcome) -> str:
    """Report what was done and what was not, in a line or two."""
    if not outcome.done and not outcome.refused:
        return _("No jobs chosen")
    said = []
    if outcome.done:
        said.append(counted(len(outcome.done), *DONE[action]))
    reasons = "; ".join(sorted(set(outcome.refused.values())))
    if len(outcome.refused) == 1 and not outcome.done:
        said.append(f"{reasons}.")
    elif outcome.refused:
        refused = len(outcome.refused)
        said.append(
            counted(
                refused,
                "%(number)s job refused: %(reasons)s.",
                "%(number)s jobs refused: %(reasons)s.",
                reasons=reasons,
            )
        )
    return " ".join(said)


async def _answer(
    posted: Posted,
    shared: SharedQueue,
    said: str,
    undo: AdminAction | None = None,
    job_ids: tuple[str, ...] = (),
) -> Response[Any]:
    """The page as it is now, for pages that ask in the background; others are sent back to it."""
    back = posted.fields.get("back", "")
    if not posted.wants_fragments:
        query = filter_of_address(back, posted.identity).query
        return posted.see_other(f"/queue?{query}" if query else "/queue")
    shown = filter_of_address(posted.request.headers.get("hx-current-url", ""), posted.identity)
    fragments: list[Fragment] = await QueueFeed(shared, posted.identity, shown).fragments()
    toast = posted.renderer.render(UndoToast(said, undo, job_ids))
    return posted.renderer.fragments(
        *(fragment.encode() for fragment in fragments), partial(TOASTS, toast, swap="beforeend")
    )


QUEUE_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (act, pause, drain, wish)
