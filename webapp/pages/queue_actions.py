"""What admins do on the queue's page: to jobs, the whole queue, workers and models."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedServices
from webapp.pages.authentication import InjectedIdentity
from webapp.pages.forms import read_fields, read_form
from webapp.pages.live import Fragment
from webapp.pages.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.partials import TOASTS, partial
from webapp.pages.queue_contexts import UndoToast
from webapp.pages.queue_feed import InjectedSharedQueue, QueueFeed, SharedQueue
from webapp.pages.queue_filter import filter_of_address
from webapp.pages.rendering import InjectedRenderer, Renderer
from webapp.pages.words import count
from webapp.policy.job_actions import ADMIN_ACTIONS, AdminAction
from webapp.services.identity import Identity
from webapp.services.operations import WISHES
from webapp.services.queue_admin import Outcome

DONE: Final[dict[AdminAction, str]] = {
    "cancel": "cancelled",
    "restore": "put back in line",
    "stop": "stopped",
    "retry": "put back in line",
    "move": "moved to the front",
    "unmove": "moved back",
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
    request: PageRequest,
    services: InjectedServices,
    renderer: InjectedRenderer,
    shared_queue: InjectedSharedQueue,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Take an action on one job or several."""
    fields = await read_fields(request)
    action = _action(dict(fields).get("action", ""))
    job_ids = [value for name, value in fields if name == "id"]
    outcome = await services.administration.queue.act_on(identity, action, job_ids)
    back = dict(fields).get("back", "")
    toast = UndoToast(_told(action, outcome), UNDO[action] if outcome.done else None, outcome.done, back)
    return await _answer(request, renderer, shared_queue, identity, toast)


@post("/queue/pause")
async def pause(
    request: PageRequest,
    services: InjectedServices,
    renderer: InjectedRenderer,
    shared_queue: InjectedSharedQueue,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Pause the queue or let it go on."""
    fields = await read_form(request)
    is_paused = fields.get("paused") == "yes"
    await services.administration.queue.set_paused(identity, is_paused=is_paused)
    text = "Queue paused; jobs in hand are finished" if is_paused else "Queue goes on"
    toast = UndoToast(text, None, (), fields.get("back", ""))
    return await _answer(request, renderer, shared_queue, identity, toast)


@post("/queue/workers/{worker_id:str}/drain")
async def drain(
    request: PageRequest,
    worker_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    shared_queue: InjectedSharedQueue,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Let a worker take no more jobs, or take them again."""
    fields = await read_form(request)
    is_draining = fields.get("draining") == "yes"
    await services.administration.operations.drain(identity, worker_id, is_draining=is_draining)
    text = "The worker finishes what it has" if is_draining else "The worker takes jobs again"
    return await _answer(
        request, renderer, shared_queue, identity, UndoToast(text, None, (), fields.get("back", ""))
    )


@post("/queue/models/{model:str}")
async def wish(
    request: PageRequest,
    model: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    shared_queue: InjectedSharedQueue,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Have every worker load, unload, keep or no longer keep a model."""
    fields = await read_form(request)
    action = WISHES.get(fields.get("action", ""))
    if action is None:
        raise InvalidRequest("Choose what to do with the model")
    await services.administration.operations.wish(identity, model, action)
    text = {
        "load": "Every worker loads it",
        "unload": "Every worker unloads it",
        "pin": "It stays loaded from now on",
        "unpin": "It may be unloaded again",
    }[action]
    return await _answer(
        request, renderer, shared_queue, identity, UndoToast(text, None, (), fields.get("back", ""))
    )


def _action(name: str) -> AdminAction:
    if name not in ADMIN_ACTIONS:
        raise InvalidRequest("Choose what to do with the jobs")
    return name


def _told(action: AdminAction, outcome: Outcome) -> str:
    """What was done and what was not, in a line or two."""
    if not outcome.done and not outcome.refused:
        return "No job was chosen"
    said = []
    if outcome.done:
        jobs = "Job" if len(outcome.done) == 1 else count(len(outcome.done), "job")
        said.append(f"{jobs} {DONE[action]}.")
    reasons = sorted(set(outcome.refused.values()))
    if outcome.refused:
        jobs = "" if len(outcome.refused) == 1 and not outcome.done else f"Not {len(outcome.refused)}: "
        said.append(f"{jobs}{'; '.join(reasons)}.")
    return " ".join(said)


async def _answer(
    request: PageRequest, renderer: Renderer, shared: SharedQueue, identity: Identity, toast: UndoToast
) -> Response[Any]:
    """The page as it is now, for pages that ask in the background; others are sent back to it."""
    if not wants_fragments(request):
        query = filter_of_address(toast.back, identity).query
        return see_other(request, f"/queue?{query}" if query else "/queue")
    shown = filter_of_address(request.headers.get("hx-current-url", ""), identity)
    fragments: list[Fragment] = await QueueFeed(shared, identity, shown).fragments()
    told = partial(TOASTS, renderer.render(toast), swap="beforeend")
    return renderer.fragments(*(fragment.encode() for fragment in fragments), told)


QUEUE_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (act, pause, drain, wish)
