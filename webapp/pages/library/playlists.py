"""Pages of playlists: create, show, reorder, share, delete."""

from dataclasses import replace
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import Conflict, InvalidRequest, NotFound
from webapp.http.dependencies import InjectedLibrary, InjectedSettings
from webapp.pages.accounts.authentication import InjectedIdentity, InjectedViewer
from webapp.pages.frame.answers import ask, is_confirmed, library_changed
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.navigation import PageRequest, server_address, wants_fragments
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.library.browse import InjectedCards
from webapp.pages.library.contexts import GoneFragment, PlaylistPage, PlaylistsPage
from webapp.pages.library.sound_cards import SoundCards
from webapp.policy.library.fields import PlaylistChange, parse_playlist
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices
from webapp.settings import Settings


@get("/playlists")
async def show_playlists(
    library: InjectedLibrary, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Response[Any]:
    """List the viewer's playlists, the last changed first."""
    return renderer.page(await _own_playlists(library, identity))


@post("/playlists")
async def create(posted: InjectedPosted, library: InjectedLibrary) -> Response[Any]:
    """Make an empty playlist and go there."""
    name = posted.fields.get("name", "")
    try:
        change = parse_playlist({"name": name}, is_new=True)
        playlist = await library.playlists.create(posted.identity, change)
    except (InvalidRequest, Conflict) as error:
        page = await _own_playlists(library, posted.identity)
        wrong = replace(page, error=error.message, error_field="name", typed_name=name)
        return posted.renderer.page(wrong, status=409 if isinstance(error, Conflict) else 400)
    return posted.see_other(f"/playlists/{playlist.playlist_id}")


@get("/playlists/{playlist_id:str}")
async def show_playlist(
    request: PageRequest,
    playlist_id: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Show a playlist to its owner, and a shared one to whoever has its address."""
    try:
        return renderer.page(await _page(request, settings, library, sound_cards, viewer, playlist_id))
    except NotFound:
        if not wants_fragments(request):
            raise
        return renderer.page(GoneFragment("playlist-view", "playlist"))


@post("/playlists/{playlist_id:str}/edit")
async def edit(
    posted: InjectedPosted,
    settings: InjectedSettings,
    library: InjectedLibrary,
    playlist_id: FromPath[str],
    sound_cards: InjectedCards,
) -> Response[Any]:
    """Rename a playlist."""
    try:
        change = parse_playlist({"name": posted.fields.get("name", "")}, is_new=False)
        await library.playlists.change(posted.identity, playlist_id, change)
    except InvalidRequest as error:
        if posted.wants_fragments:
            raise
        page = await _page(posted.request, settings, library, sound_cards, posted.identity, playlist_id)
        return posted.renderer.page(replace(page, error=error.message, error_field="name"), status=400)
    return library_changed(posted, _("Saved"), back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/share")
async def share(
    posted: InjectedPosted, library: InjectedLibrary, playlist_id: FromPath[str]
) -> Response[Any]:
    """Share a playlist with whoever has its address, or stop sharing it."""
    is_shared = posted.fields.get("is_shared") == "yes"
    await library.playlists.change(posted.identity, playlist_id, PlaylistChange(is_shared=is_shared))
    said = (
        _("Shared. Anyone with the link can open it.")
        if is_shared
        else _("No longer shared. Only you can open it.")
    )
    return library_changed(posted, said, back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/delete")
async def delete(
    posted: InjectedPosted, library: InjectedLibrary, playlist_id: FromPath[str]
) -> Response[Any]:
    """Delete a playlist, after a confirmation; its sounds stay."""
    if not is_confirmed(posted.fields):
        playlist, _tracks = await library.playlists.get(posted.identity, playlist_id)
        return ask(
            posted,
            _("Delete this playlist?"),
            _("“%(name)s” is deleted. Its sounds stay.", name=playlist.name),
            verb=_("Delete playlist"),
            opposite=_("Keep playlist"),
            action=f"/playlists/{playlist_id}/delete",
            section="library",
            back="/library",
        )
    await library.playlists.delete(posted.identity, playlist_id)
    return library_changed(posted, _("Playlist deleted"), back="/playlists")


@post("/playlists/{playlist_id:str}/remove")
async def remove(
    posted: InjectedPosted, library: InjectedLibrary, playlist_id: FromPath[str]
) -> Response[Any]:
    """Remove a sound from a playlist."""
    await library.playlists.remove_track(posted.identity, playlist_id, posted.fields.get("sound", ""))
    return library_changed(posted, _("Removed from the playlist"), back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/order")
async def order(
    posted: InjectedPosted, library: InjectedLibrary, playlist_id: FromPath[str]
) -> Response[Any]:
    """Reorder the sounds: all of them as `ids`, or `sound` one step `up` or `down`."""
    if posted.fields.get("ids"):
        wanted = posted.fields["ids"].split()
    else:
        _, tracks = await library.playlists.get(posted.identity, playlist_id)
        ids = [track.sound_id for track in tracks]
        wanted = moved(ids, posted.fields.get("sound", ""), -1 if posted.fields.get("by") == "up" else 1)
    await library.playlists.reorder(posted.identity, playlist_id, wanted)
    return library_changed(posted, "", back=f"/playlists/{playlist_id}")


def moved(ids: list[str], moving: str, step: int) -> list[str]:
    """Move one entry a step up (-1) or down (1); at the end of the list, or unknown, it stays."""
    if moving not in ids:
        return ids
    at = ids.index(moving)
    to = min(max(at + step, 0), len(ids) - 1)
    rest = ids[:at] + ids[at + 1 :]
    return [*rest[:to], moving, *rest[to:]]


async def _own_playlists(library: LibraryServices, identity: Identity) -> PlaylistsPage:
    playlists = tuple(await library.playlists.of_account(identity))
    return PlaylistsPage(chrome=Chrome("library", identity, live="library"), playlists=playlists)


async def _page(
    request: PageRequest,
    settings: Settings,
    library: LibraryServices,
    sound_cards: SoundCards,
    viewer: Identity | None,
    playlist_id: str,
) -> PlaylistPage:
    playlist, tracks = await library.playlists.get(viewer, playlist_id)
    return PlaylistPage(
        chrome=Chrome("library", viewer, live="library"),
        playlist=playlist,
        cards=await sound_cards.of(viewer, tracks),
        is_own=viewer is not None and viewer.username == playlist.owner,
        base_url=server_address(request, settings.public_url),
    )


PLAYLIST_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    show_playlists,
    create,
    show_playlist,
    edit,
    share,
    delete,
    remove,
    order,
)
