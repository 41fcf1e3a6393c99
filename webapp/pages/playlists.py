"""Playlists: made, shown, put in order, shared, deleted."""

from dataclasses import replace
from typing import Any, Final

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import Conflict, InvalidRequest, NotFound
from webapp.http.dependencies import InjectedServices
from webapp.pages.authentication import InjectedIdentity, InjectedViewer
from webapp.pages.chrome import Chrome
from webapp.pages.forms import read_form
from webapp.pages.library import InjectedCards
from webapp.pages.library_answers import ask, done, is_confirmed
from webapp.pages.library_contexts import GoneFragment, PlaylistPage, PlaylistsPage
from webapp.pages.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.rendering import InjectedRenderer
from webapp.pages.sound import base_url
from webapp.pages.sound_cards import SoundCards
from webapp.policy.library import PlaylistChange, parse_playlist
from webapp.services.container import Services
from webapp.services.identity import Identity


@get("/playlists")
async def show_playlists(
    services: InjectedServices, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Response[Any]:
    """One's own playlists, the last changed first."""
    return renderer.page(await _own_playlists(services, identity))


@post("/playlists")
async def create(
    request: PageRequest, services: InjectedServices, renderer: InjectedRenderer, identity: InjectedIdentity
) -> Response[Any]:
    """Make an empty playlist and go there."""
    name = (await read_form(request)).get("name", "")
    try:
        change = parse_playlist({"name": name}, is_new=True)
        playlist = await services.library.playlists.create(identity, change)
    except (InvalidRequest, Conflict) as error:
        page = await _own_playlists(services, identity)
        wrong = replace(page, error=error.message, error_field="name", typed_name=name)
        return renderer.page(wrong, status=409 if isinstance(error, Conflict) else 400)
    return see_other(request, f"/playlists/{playlist.playlist_id}")


@get("/playlists/{playlist_id:str}")
async def show_playlist(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """A playlist for its owner; a shared one for whoever has its address."""
    try:
        return renderer.page(await _page(request, services, sound_cards, viewer, playlist_id))
    except NotFound:
        if not wants_fragments(request):
            raise
        return renderer.page(GoneFragment("playlist-view", "playlist"))


@post("/playlists/{playlist_id:str}/edit")
async def edit(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Give a playlist another name."""
    fields = await read_form(request)
    try:
        change = parse_playlist({"name": fields.get("name", "")}, is_new=False)
        await services.library.playlists.change(identity, playlist_id, change)
    except InvalidRequest as error:
        if wants_fragments(request):
            raise
        page = await _page(request, services, sound_cards, identity, playlist_id)
        return renderer.page(replace(page, error=error.message, error_field="name"), status=400)
    return done(request, renderer, fields, "Saved", back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/share")
async def share(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Open a playlist to whoever has its address, or close it again."""
    fields = await read_form(request)
    is_shared = fields.get("is_shared") == "yes"
    await services.library.playlists.change(identity, playlist_id, PlaylistChange(is_shared=is_shared))
    said = "Shared: whoever has the link can open it" if is_shared else "Only you can open it now"
    return done(request, renderer, fields, said, back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/delete")
async def delete(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Delete a playlist, once somebody has been asked; its sounds stay."""
    fields = await read_form(request)
    if not is_confirmed(fields):
        playlist, _ = await services.library.playlists.get(identity, playlist_id)
        return ask(
            renderer,
            identity,
            "Delete this playlist?",
            f"“{playlist.name}” goes; the sounds in it stay.",
            verb="Delete",
            action=f"/playlists/{playlist_id}/delete",
            fields=list(fields.items()),
        )
    await services.library.playlists.delete(identity, playlist_id)
    return done(request, renderer, fields, "Playlist deleted", back="/playlists")


@post("/playlists/{playlist_id:str}/remove")
async def remove(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Take a sound out of a playlist."""
    fields = await read_form(request)
    await services.library.playlists.remove_track(identity, playlist_id, fields.get("sound", ""))
    return done(request, renderer, fields, "Taken out of the playlist", back=f"/playlists/{playlist_id}")


@post("/playlists/{playlist_id:str}/order")
async def order(
    request: PageRequest,
    playlist_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Put the sounds in another order: all of them as `ids`, or `sound` one step `up` or `down`."""
    fields = await read_form(request)
    if fields.get("ids"):
        wanted = fields["ids"].split()
    else:
        _, tracks = await services.library.playlists.get(identity, playlist_id)
        ids = [track.sound_id for track in tracks]
        wanted = moved(ids, fields.get("sound", ""), -1 if fields.get("by") == "up" else 1)
    await services.library.playlists.reorder(identity, playlist_id, wanted)
    return done(request, renderer, fields, "", back=f"/playlists/{playlist_id}")


def moved(ids: list[str], moving: str, step: int) -> list[str]:
    """The list with one entry a step further up (-1) or down (1); at the end, and unknown, it stays."""
    if moving not in ids:
        return ids
    at = ids.index(moving)
    to = min(max(at + step, 0), len(ids) - 1)
    rest = ids[:at] + ids[at + 1 :]
    return [*rest[:to], moving, *rest[to:]]


async def _own_playlists(services: Services, identity: Identity) -> PlaylistsPage:
    playlists = tuple(await services.library.playlists.of_account(identity))
    return PlaylistsPage(chrome=Chrome("library", identity, live="library"), playlists=playlists)


async def _page(
    request: PageRequest,
    services: Services,
    sound_cards: SoundCards,
    viewer: Identity | None,
    playlist_id: str,
) -> PlaylistPage:
    playlist, tracks = await services.library.playlists.get(viewer, playlist_id)
    return PlaylistPage(
        chrome=Chrome("library", viewer, live="library"),
        playlist=playlist,
        cards=await sound_cards.of(viewer, tracks),
        is_own=viewer is not None and viewer.username == playlist.owner,
        base_url=base_url(request, services),
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
