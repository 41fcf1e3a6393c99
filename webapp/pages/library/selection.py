"""What is done with several sounds of a list at once."""

from collections.abc import Iterable
from typing import Any, Final

from litestar import Response, post

from webapp.errors import InvalidRequest, NotFound
from webapp.http.dependencies import InjectedLibrary
from webapp.pages.frame import words
from webapp.pages.frame.answers import ask, is_confirmed, library_changed
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.library.address import PER_PAGE
from webapp.policy.library import SoundChange
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices

ID: Final = "id"


@post("/library/selection")
async def change_selection(posted: InjectedPosted, library: InjectedLibrary) -> Response[Any]:
    """Keep, publish, take back or delete the chosen sounds; those that went meanwhile are passed over."""
    chosen = selected(posted.pairs)
    action = posted.fields.get("action", "")
    if action not in DONE:
        raise InvalidRequest("There is no such action")
    if action == "delete" and not is_confirmed(posted.fields):
        return ask(
            posted,
            "Delete the chosen sounds?",
            f"{words.count(len(chosen), 'sound')} with their files. They cannot be brought back.",
            verb="Delete",
            action="/library/selection",
            section="library",
            back="/library",
        )
    changed = 0
    for sound_id in chosen:
        try:
            await _act(library, posted.identity, action, sound_id)
        except NotFound:
            continue
        changed += 1
    return library_changed(posted, f"{words.count(changed, 'sound')} {DONE[action]}")


def selected(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The sounds that were ticked, each once: as many as a page shows. Raises InvalidRequest for none."""
    chosen = list(dict.fromkeys(value for name, value in pairs if name == ID))[:PER_PAGE]
    if not chosen:
        raise InvalidRequest("Choose at least one sound")
    return chosen


async def _act(library: LibraryServices, identity: Identity, action: str, sound_id: str) -> None:
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
