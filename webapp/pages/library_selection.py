"""What is done with several sounds of a list at once."""

from typing import Any, Final

from litestar import Response, post

from webapp.errors import InvalidRequest, NotFound
from webapp.http.dependencies import InjectedServices
from webapp.pages import words
from webapp.pages.authentication import InjectedIdentity
from webapp.pages.forms import read_fields
from webapp.pages.library_address import PER_PAGE
from webapp.pages.library_answers import ask, done, is_confirmed
from webapp.pages.navigation import PageRequest
from webapp.pages.rendering import InjectedRenderer
from webapp.policy.library import SoundChange
from webapp.services.container import Services
from webapp.services.identity import Identity

ID: Final = "id"


@post("/library/selection")
async def change_selection(
    request: PageRequest, services: InjectedServices, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Response[Any]:
    """Keep, publish, take back or delete the chosen sounds; those that went meanwhile are passed over."""
    pairs = await read_fields(request)
    fields = dict(pairs)
    chosen = selected(pairs)
    action = fields.get("action", "")
    if action not in DONE:
        raise InvalidRequest("There is no such action")
    if action == "delete" and not is_confirmed(fields):
        return ask(
            renderer,
            identity,
            "Delete the chosen sounds?",
            f"{words.count(len(chosen), 'sound')} with their files. They cannot be brought back.",
            verb="Delete",
            action="/library/selection",
            fields=pairs,
        )
    changed = 0
    for sound_id in chosen:
        try:
            await _act(services, identity, action, sound_id)
        except NotFound:
            continue
        changed += 1
    return done(request, renderer, fields, f"{words.count(changed, 'sound')} {DONE[action]}")


def selected(pairs: list[tuple[str, str]]) -> list[str]:
    """The sounds that were ticked, each once: as many as a page shows. Raises InvalidRequest for none."""
    chosen = list(dict.fromkeys(value for name, value in pairs if name == ID))[:PER_PAGE]
    if not chosen:
        raise InvalidRequest("Choose at least one sound")
    return chosen


async def _act(services: Services, identity: Identity, action: str, sound_id: str) -> None:
    library = services.library
    if action == "keep":
        await library.favorites.add(identity, sound_id)
    elif action == "delete":
        await library.publishing.delete(identity, sound_id)
    else:
        change = SoundChange(is_public=action == "publish")
        await library.publishing.change(identity, sound_id, change)


DONE: Final = {
    "keep": "among your favourites",
    "publish": "published",
    "take-back": "taken back",
    "delete": "deleted",
}
