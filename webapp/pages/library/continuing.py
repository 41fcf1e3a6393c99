"""Making further sounds of one: continuing it, and others like it."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.http.dependencies import InjectedLibrary, InjectedQueue
from webapp.pages.frame.forms import continuation_body, takes_wanted
from webapp.pages.frame.posted import InjectedPosted
from webapp.policy.generation import parse_generation


@post("/sounds/{sound_id:str}/continue")
async def continue_sound(
    posted: InjectedPosted, queue: InjectedQueue, sound_id: FromPath[str]
) -> Response[Any]:
    """Put a continuation of a sound in line, or several."""
    choice = parse_generation(continuation_body(posted.fields, sound_id))
    takes = takes_wanted(posted.fields)
    submitted = await queue.submissions.submit(posted.identity, choice, takes=takes)
    return posted.see_other(f"/#job-{submitted.job_id}")


@post("/sounds/{sound_id:str}/more")
async def more_like_this(
    posted: InjectedPosted, queue: InjectedQueue, library: InjectedLibrary, sound_id: FromPath[str]
) -> Response[Any]:
    """Put variations of a sound in line: as many as the account may start now, four at most."""
    item = await library.browse.item(posted.identity, sound_id)
    submitted = await queue.submissions.submit_like(posted.identity, item)
    return posted.see_other(f"/#job-{submitted.job_id}")


CONTINUING_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (continue_sound, more_like_this)
