"""Actions on several sounds of a list at once."""

from collections.abc import Iterable
from typing import Any, Final

from litestar import Response, post

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedLibrary
from webapp.pages.frame.answers import ask, is_confirmed, library_changed
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.texts import _, counted, forms
from webapp.pages.library.address import PER_PAGE
from webapp.policy.library.fields import SoundChange, parse_playlist
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices

ID: Final = "id"


@post("/library/selection")
async def change_selection(posted: InjectedPosted, library: InjectedLibrary) -> Response[Any]:
    """Apply an action to all chosen sounds, or to none; sounds that are gone meanwhile are skipped."""
    chosen = selected(posted.pairs)
    action = posted.fields.get("action", "")
    if action not in DONE:
        raise InvalidRequest(_("Choose what to do with the sounds"))
    if action == "delete" and not is_confirmed(posted.fields):
        number = len(chosen)
        return ask(
            posted,
            counted(number, "Delete %(number)s sound?", "Delete %(number)s sounds?"),
            _("Files are deleted as well. You cannot undo this."),
            verb=counted(number, "Delete %(number)s sound", "Delete %(number)s sounds"),
            opposite=counted(number, "Keep %(number)s sound", "Keep %(number)s sounds"),
            action="/library/selection",
            section="library",
            back="/library",
        )
    changed = await _apply(library, posted.identity, action, chosen)
    return library_changed(posted, counted(changed, *DONE[action]))


def selected(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """Read the ticked sounds, each once: as many as a page shows. Raises InvalidRequest for none."""
    chosen = list(dict.fromkeys(value for name, value in pairs if name == ID))[:PER_PAGE]
    if not chosen:
        raise InvalidRequest(_("Choose at least one sound"))
    return chosen


@post("/library/selection/playlist")
async def add_selection_to_playlist(posted: InjectedPosted, library: InjectedLibrary) -> Response[Any]:
    """Append the chosen sounds to the playlist that the form names, or to a new one."""
    chosen = selected(posted.pairs)
    playlist_id = posted.fields.get("playlist")
    name = {"name": posted.fields.get("playlist_name", "")}
    playlist, added = await library.playlists.add_all(
        posted.identity, playlist_id or parse_playlist(name, is_new=True), chosen
    )
    return library_changed(
        posted,
        counted(
            added,
            "%(number)s sound added to “%(name)s”",
            "%(number)s sounds added to “%(name)s”",
            name=playlist.name,
        ),
    )


async def _apply(library: LibraryServices, identity: Identity, action: str, sound_ids: list[str]) -> int:
    if action == "keep":
        return await library.favorites.add_all(identity, sound_ids)
    if action == "delete":
        return await library.publishing.delete_all(identity, sound_ids)
    change = SoundChange(is_public=action == "publish")
    return await library.publishing.change_all(identity, sound_ids, change)


DONE: Final = {
    "keep": forms("%(number)s sound added to your favourites", "%(number)s sounds added to your favourites"),
    "publish": forms("%(number)s sound published", "%(number)s sounds published"),
    "take-back": forms("%(number)s sound unpublished", "%(number)s sounds unpublished"),
    "delete": forms("%(number)s sound deleted", "%(number)s sounds deleted"),
}
