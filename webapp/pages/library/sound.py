"""The page of one sound, its player and its downloads."""

from contextlib import suppress
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.params import FromPath

from webapp.errors import NotFound
from webapp.http.dependencies import InjectedAccounts, InjectedLibrary, InjectedSettings
from webapp.http.middleware.prefix import public_path
from webapp.http.requests.client_address import address_of
from webapp.pages.accounts.authentication import InjectedViewer
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.navigation import PageRequest, server_address, wants_fragments
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import _
from webapp.pages.library.browse import InjectedCards
from webapp.pages.library.contexts import GoneFragment, SoundMenuFragment, SoundPage
from webapp.pages.library.embed import HEIGHT, WIDTH, frame_code, player_url
from webapp.pages.library.sound_cards import SoundCards, own_playlists
from webapp.services.accounts.identity import Identity
from webapp.services.library.facade import LibraryServices
from webapp.services.library.sounds import AUDIO_FORMATS
from webapp.services.library.views import shown_title
from webapp.settings import Settings


@get("/sounds/{sound_id:str}")
async def show_sound(
    request: PageRequest,
    sound_id: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Show a published sound to everybody, and another to its owner and admins."""
    try:
        return renderer.page(await sound_page(request, settings, library, sound_cards, viewer, sound_id))
    except NotFound:
        # A page that is open hears of the end of what it shows by asking for it once more.
        if not wants_fragments(request):
            raise
        return renderer.page(GoneFragment("sound-view", "sound"))


@get("/sounds/{sound_id:str}/menu")
async def show_menu(
    sound_id: FromPath[str],
    library: InjectedLibrary,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Render the menu of a sound in a list."""
    item = await library.browse.item(viewer, sound_id)
    cards = await sound_cards.of(viewer, [item])
    return renderer.page(SoundMenuFragment(cards[0], await own_playlists(library, viewer)))


@get("/sounds/{sound_id:str}/there")
async def show_whether_there(
    request: PageRequest,
    sound_id: FromPath[str],
    settings: InjectedSettings,
    accounts: InjectedAccounts,
    library: InjectedLibrary,
) -> Response[str]:
    """Say `yes` or `no`: whether a sound that is in the player still exists, as its file does for everybody.

    A wrong guess counts like one at a file. Raises LimitReached after too many.
    """
    is_there = await library.files.exists(sound_id)
    if not is_there:
        await accounts.guessing_limits.missing_file(address_of(request, settings))
    headers = {"Cache-Control": "no-store"}
    return Response("yes" if is_there else "no", media_type=MediaType.TEXT, headers=headers)


@post("/sounds/{sound_id:str}/play", status_code=204)
async def count_play(
    request: PageRequest,
    sound_id: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    viewer: InjectedViewer,
) -> None:
    """Count a play that the player reports. A sound that is gone meanwhile is not counted."""
    with suppress(NotFound):
        await library.plays.record_play(viewer, address_of(request, settings), sound_id)


@get("/sounds/{sound_id:str}/download/{audio_format:str}")
async def download(
    request: PageRequest,
    sound_id: FromPath[str],
    audio_format: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    viewer: InjectedViewer,
) -> Response[None]:
    """Count a download and redirect to the file. Raises NotFound."""
    if audio_format not in AUDIO_FORMATS:
        raise NotFound(_("There is no such format"))
    await library.plays.record_download(viewer, address_of(request, settings), sound_id)
    file = public_path(f"/audio/{sound_id}.{audio_format}?download")
    headers = {"Location": file, "Cache-Control": "no-store"}
    return Response(None, status_code=303, headers=headers)


async def sound_page(
    request: PageRequest,
    settings: Settings,
    library: LibraryServices,
    sound_cards: SoundCards,
    viewer: Identity | None,
    sound_id: str,
) -> SoundPage:
    """Collect everything about one sound. Raises NotFound, also for one that this viewer may not see."""
    item, sound = await library.details.of(viewer, sound_id)
    cards = await sound_cards.of(viewer, [item])
    base_url = server_address(request, settings.public_url)
    return SoundPage(
        chrome=Chrome("library", viewer, live="library"),
        card=cards[0],
        sound=sound,
        base_url=base_url,
        own_title="" if item.title == shown_title(item.prompt) else item.title,
        playlists=await own_playlists(library, viewer),
        embed_size=(WIDTH, HEIGHT) if settings.embedding else None,
        embed_code=frame_code(base_url, item.sound_id),
        embed_url=player_url(base_url, item.sound_id),
        history=await library.histories.of(viewer, sound_id),
    )
