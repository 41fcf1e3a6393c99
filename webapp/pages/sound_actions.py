"""What people do with a sound, from its page or its place in a list."""

from dataclasses import replace
from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedServices
from webapp.pages.authentication import InjectedIdentity
from webapp.pages.forms import Fields, read_form
from webapp.pages.library import InjectedCards
from webapp.pages.library_answers import ask, done, is_confirmed
from webapp.pages.library_contexts import ReactionsFragment
from webapp.pages.navigation import PageRequest, wants_fragments
from webapp.pages.partials import partial
from webapp.pages.rendering import InjectedRenderer, Renderer
from webapp.pages.sound import sound_page
from webapp.pages.sound_cards import SoundCards
from webapp.policy.library import PlaylistChange, SoundChange, parse_change, parse_playlist, parse_vote
from webapp.services.container import Services
from webapp.services.identity import Identity

NEW_PLAYLIST: Final = "new"


@post("/sounds/{sound_id:str}/vote")
async def vote(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Vote for or against a sound; the same vote again takes it back."""
    fields = await read_form(request)
    wanted = {"1": 1, "-1": -1, "0": 0}.get(fields.get("vote", ""))
    await services.library.votes.vote(identity, sound_id, parse_vote({"vote": wanted}))
    reactions = await _reactions(services, renderer, sound_cards, identity, sound_id)
    return _reacted(request, renderer, fields, reactions, sound_id)


@post("/sounds/{sound_id:str}/favorite")
async def favorite(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Keep a sound among one's favourites, or let it go."""
    fields = await read_form(request)
    favorites = services.library.favorites
    change = favorites.add if fields.get("favorite") == "yes" else favorites.remove
    await change(identity, sound_id)
    reactions = await _reactions(services, renderer, sound_cards, identity, sound_id)
    return _reacted(request, renderer, fields, reactions, sound_id)


@post("/sounds/{sound_id:str}/publish")
async def publish(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Show an own sound to everybody, or take it back."""
    fields = await read_form(request)
    is_public = fields.get("is_public") == "yes"
    await services.library.publishing.change(identity, sound_id, SoundChange(is_public=is_public))
    said = "Published: everybody finds it in the library" if is_public else "Taken back: only you see it"
    return done(request, renderer, fields, said, back=f"/sounds/{sound_id}")


@post("/sounds/{sound_id:str}/edit")
async def edit(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Name an own sound and tag it."""
    fields = await read_form(request)
    title, tags = fields.get("title", ""), fields.get("tags", "")
    try:
        change = parse_change(
            {"title": title, "tags": [tag for tag in map(str.strip, tags.split(",")) if tag]}
        )
        await services.library.publishing.change(identity, sound_id, change)
    except InvalidRequest as error:
        if wants_fragments(request):
            raise
        page = await sound_page(request, services, sound_cards, identity, sound_id)
        wrong = replace(
            page, error=error.message, error_field=error.field, typed_title=title, typed_tags=tags
        )
        return renderer.page(wrong, status=400)
    return done(request, renderer, fields, "Saved", back=f"/sounds/{sound_id}")


@post("/sounds/{sound_id:str}/delete")
async def delete(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Delete a sound with its files, once somebody has been asked."""
    fields = await read_form(request)
    if not is_confirmed(fields):
        item = await services.library.browse.item(identity, sound_id)
        return ask(
            renderer,
            identity,
            "Delete this sound?",
            f"“{item.title}” goes with its files, votes and places in playlists. It cannot be brought back.",
            verb="Delete",
            action=f"/sounds/{sound_id}/delete",
            fields=list(fields.items()),
        )
    await services.library.publishing.delete(identity, sound_id)
    return done(request, renderer, fields, "Deleted", back="/library?view=mine")


@post("/sounds/{sound_id:str}/playlist")
async def add_to_playlist(
    request: PageRequest,
    sound_id: FromPath[str],
    services: InjectedServices,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
) -> Response[Any]:
    """Put a sound at the end of an own playlist, or of a new one."""
    fields = await read_form(request)
    playlist_id = fields.get("playlist", NEW_PLAYLIST)
    if playlist_id == NEW_PLAYLIST:
        playlist_id = await _new_playlist(services, identity, fields)
    playlist = await services.library.playlists.add_track(identity, playlist_id, sound_id)
    return done(request, renderer, fields, f"In “{playlist.name}” now", back=f"/sounds/{sound_id}")


async def _new_playlist(services: Services, identity: Identity, fields: Fields) -> str:
    change: PlaylistChange = parse_playlist({"name": fields.get("name", "")}, is_new=True)
    return (await services.library.playlists.create(identity, change)).playlist_id


async def _reactions(
    services: Services, renderer: Renderer, sound_cards: SoundCards, identity: Identity, sound_id: str
) -> str:
    item = await services.library.browse.item(identity, sound_id)
    return renderer.render(ReactionsFragment((await sound_cards.of(identity, [item]))[0]))


def _reacted(
    request: PageRequest, renderer: Renderer, fields: Fields, reactions: str, sound_id: str
) -> Response[Any]:
    return done(
        request, renderer, fields, "", partial(f"reactions-{sound_id}", reactions), back=f"/sounds/{sound_id}"
    )


SOUND_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    vote,
    favorite,
    publish,
    edit,
    delete,
    add_to_playlist,
)
