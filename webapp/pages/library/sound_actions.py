"""Actions on a sound, from its page or from a list."""

from dataclasses import replace
from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest
from webapp.http.dependencies import InjectedLibrary, InjectedSettings
from webapp.pages.frame.answers import ask, is_confirmed, library_changed
from webapp.pages.frame.partials import partial
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.texts import _
from webapp.pages.library.browse import InjectedCards
from webapp.pages.library.contexts import ReactionsFragment
from webapp.pages.library.sound import sound_page
from webapp.pages.library.sound_cards import SoundCards
from webapp.policy.library.fields import SoundChange, parse_change, parse_playlist, parse_vote
from webapp.services.library.facade import LibraryServices

NEW_PLAYLIST: Final = "new"


@post("/sounds/{sound_id:str}/vote")
async def vote(
    posted: InjectedPosted, library: InjectedLibrary, sound_id: FromPath[str], sound_cards: InjectedCards
) -> Response[Any]:
    """Vote for or against a sound; the same vote again takes it back."""
    wanted = {"1": 1, "-1": -1, "0": 0}.get(posted.fields.get("vote", ""))
    await library.votes.vote(posted.identity, sound_id, parse_vote({"vote": wanted}))
    return await _reacted(posted, library, sound_cards, sound_id)


@post("/sounds/{sound_id:str}/favorite")
async def favorite(
    posted: InjectedPosted, library: InjectedLibrary, sound_id: FromPath[str], sound_cards: InjectedCards
) -> Response[Any]:
    """Add a sound to the favourites, or remove it."""
    favorites = library.favorites
    change = favorites.add if posted.fields.get("favorite") == "yes" else favorites.remove
    await change(posted.identity, sound_id)
    return await _reacted(posted, library, sound_cards, sound_id)


@post("/sounds/{sound_id:str}/publish")
async def publish(posted: InjectedPosted, library: InjectedLibrary, sound_id: FromPath[str]) -> Response[Any]:
    """Publish an own sound, or unpublish it."""
    is_public = posted.fields.get("is_public") == "yes"
    await library.publishing.change(posted.identity, sound_id, SoundChange(is_public=is_public))
    said = (
        _("Published. Everyone can find it in the library.")
        if is_public
        else _("Unpublished. Only you can see it.")
    )
    return library_changed(posted, said, back=f"/sounds/{sound_id}")


@post("/sounds/{sound_id:str}/edit")
async def edit(
    posted: InjectedPosted,
    settings: InjectedSettings,
    library: InjectedLibrary,
    sound_id: FromPath[str],
    sound_cards: InjectedCards,
) -> Response[Any]:
    """Name an own sound and tag it."""
    title, tags = posted.fields.get("title", ""), posted.fields.get("tags", "")
    try:
        change = parse_change(
            {"title": title, "tags": [tag for tag in map(str.strip, tags.split(",")) if tag]}
        )
        await library.publishing.change(posted.identity, sound_id, change)
    except InvalidRequest as error:
        if posted.wants_fragments:
            raise
        page = await sound_page(posted.request, settings, library, sound_cards, posted.identity, sound_id)
        wrong = replace(
            page, error=error.message, error_field=error.field, typed_title=title, typed_tags=tags
        )
        return posted.renderer.page(wrong, status=400)
    return library_changed(posted, _("Saved"), back=f"/sounds/{sound_id}")


@post("/sounds/{sound_id:str}/delete")
async def delete(posted: InjectedPosted, library: InjectedLibrary, sound_id: FromPath[str]) -> Response[Any]:
    """Delete a sound with its files, after a confirmation."""
    if not is_confirmed(posted.fields):
        item = await library.browse.item(posted.identity, sound_id)
        return ask(
            posted,
            _("Delete this sound?"),
            _(
                "“%(title)s” is deleted with its files and votes, and leaves all playlists."
                " You cannot undo this.",
                title=item.title,
            ),
            verb=_("Delete sound"),
            opposite=_("Keep sound"),
            action=f"/sounds/{sound_id}/delete",
            section="library",
            back="/library",
        )
    await library.publishing.delete(posted.identity, sound_id)
    return library_changed(posted, _("Sound deleted"), back="/library?view=mine")


@post("/sounds/{sound_id:str}/playlist")
async def add_to_playlist(
    posted: InjectedPosted, library: InjectedLibrary, sound_id: FromPath[str]
) -> Response[Any]:
    """Put a sound at the end of an own playlist, or of a new one if the form has a name for it."""
    playlists = library.playlists
    playlist_id = posted.fields.get("playlist", NEW_PLAYLIST)
    name = posted.fields.get("name", "").strip()
    if name or playlist_id == NEW_PLAYLIST:
        change = parse_playlist({"name": name}, is_new=True)
        playlist = await playlists.create_with(posted.identity, change, sound_id)
    else:
        playlist = await playlists.add_track(posted.identity, playlist_id, sound_id)
    return library_changed(posted, _("Added to “%(name)s”", name=playlist.name), back=f"/sounds/{sound_id}")


async def _reacted(
    posted: Posted, library: LibraryServices, sound_cards: SoundCards, sound_id: str
) -> Response[Any]:
    item = await library.browse.item(posted.identity, sound_id)
    (card,) = await sound_cards.of(posted.identity, [item])
    reactions = partial(f"reactions-{sound_id}", posted.renderer.render(ReactionsFragment(card)))
    return library_changed(posted, "", reactions, back=f"/sounds/{sound_id}")


SOUND_ACTION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    vote,
    favorite,
    publish,
    edit,
    delete,
    add_to_playlist,
)
