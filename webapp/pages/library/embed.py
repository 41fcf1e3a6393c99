"""Published sounds on other sites: a small player for frames, oEmbed, and feeds."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Annotated, Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec
from litestar import Response, get
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.types import ControllerRouterHandler

from webapp.errors import InvalidRequest, NotFound
from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedShared
from webapp.http.feed_documents import JSON_FEED, RSS, Entry, Feed, json_feed, rss
from webapp.http.requests.searches import count_search
from webapp.pages.frame.navigation import PageRequest, server_address
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import N_, _, translated
from webapp.pages.library.contexts import EmbedPage
from webapp.policy.library.fields import LibraryModel, LibraryQuery
from webapp.services.library.facade import LibraryServices
from webapp.services.library.sounds import SoundView
from webapp.services.library.views import LibraryItemView
from webapp.settings import Settings

# For this page alone: other sites may frame it, and it loads nothing but its own.
EMBED_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; media-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors *"
)
EMBED_HEADERS: Final = {
    "Content-Security-Policy": EMBED_POLICY,
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cross-Origin-Opener-Policy": "unsafe-none",
}
WIDTH: Final = 480
HEIGHT: Final = 180
FEED_ENTRIES: Final = 50
NOT_FOUND: Final = N_("Sound not found")
NOT_ALLOWED: Final = N_("Sounds of this server cannot be embedded; SOUNDLOOM_EMBEDDING allows it")
PROVIDER: Final = N_("Soundloom")


@get("/embed/{sound_id:str}")
async def show_embed(
    request: PageRequest,
    sound_id: FromPath[str],
    settings: InjectedSettings,
    library: InjectedLibrary,
    renderer: InjectedRenderer,
) -> Response[Any]:
    """Show the player of a published sound, where the operator allows it. Raises NotFound."""
    item, sound = await _published(settings, library, sound_id)
    page = EmbedPage(item, sound, server_address(request, settings.public_url))
    response = renderer.page(page)
    response.headers.update(EMBED_HEADERS)
    return response


@get("/oembed")
async def oembed(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    url: FromQuery[str] = "",
    answer_format: Annotated[str, QueryParameter(name="format")] = "json",
) -> Response[bytes]:
    """Say how a sound's page is embedded (https://oembed.com). Raises NotFound and InvalidRequest."""
    if answer_format not in {"json", "xml"}:
        raise InvalidRequest(_("Format must be json or xml"), field="format")
    base_url = server_address(request, settings.public_url)
    prefix = f"{urlsplit(base_url).path}/sounds/"
    path = urlsplit(url).path
    if not path.startswith(prefix) or urlsplit(url).netloc != urlsplit(base_url).netloc:
        raise NotFound(translated(NOT_FOUND))
    item, sound = await _published(settings, library, path.removeprefix(prefix).strip("/"))
    answer = {
        "version": "1.0",
        "type": "rich",
        "provider_name": PROVIDER,
        "provider_url": base_url,
        "title": item.title,
        "author_name": item.owner,
        "width": WIDTH,
        "height": HEIGHT,
        "thumbnail_url": f"{base_url}{sound.spectrogram_url}",
        "thumbnail_width": WIDTH,
        "thumbnail_height": HEIGHT,
        "html": frame_code(base_url, item.sound_id),
    }
    if answer_format == "json":
        return Response(msgspec.json.encode(answer), media_type="application/json")
    root = ET.Element("oembed")
    for name, value in answer.items():
        ET.SubElement(root, name).text = str(value)
    return Response(ET.tostring(root, encoding="utf-8", xml_declaration=True), media_type="text/xml")


@get(["/feed.xml", "/feed.json"])
async def library_feed(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    shared: InjectedShared,
    model: FromQuery[LibraryModel | None] = None,
    owner: FromQuery[str | None] = None,
    q: FromQuery[str | None] = None,
) -> Response[bytes]:
    """The newest published sounds: of the library, of an account, or what a search finds."""
    query = LibraryQuery(
        per_page=FEED_ENTRIES,
        model=model,
        owner=owner or None,
        search=(q or "").strip() or None,
        sort="created",
    )
    count_search(request, settings, shared, query)
    page = await library.browse.public(query)
    chosen = {"owner": owner, "model": model, "q": q}
    address = urlencode({name: value for name, value in chosen.items() if value})
    home = f"/library?{address}" if address else "/library"
    title = _("Sounds of %(owner)s", owner=owner) if owner else PROVIDER
    return _feed(request, settings, title, page.items, home)


@get(["/playlists/{playlist_id:str}/feed.xml", "/playlists/{playlist_id:str}/feed.json"])
async def playlist_feed(
    request: PageRequest, playlist_id: FromPath[str], settings: InjectedSettings, library: InjectedLibrary
) -> Response[bytes]:
    """The published sounds of a shared playlist. Raises NotFound."""
    playlist, items = await library.playlists.get(None, playlist_id)
    return _feed(request, settings, playlist.name, items[:FEED_ENTRIES], f"/playlists/{playlist.playlist_id}")


def player_url(base_url: str, sound_id: str) -> str:
    """Return where the player of a sound is."""
    return f"{base_url}/embed/{sound_id}"


def frame_code(base_url: str, sound_id: str) -> str:
    """Return the HTML that shows a sound's player on another page."""
    return (
        f'<iframe src="{player_url(base_url, sound_id)}" width="{WIDTH}" height="{HEIGHT}"'
        f' title="{PROVIDER}" loading="lazy" style="border:0"></iframe>'
    )


def _feed(
    request: PageRequest, settings: Settings, title: str, items: Sequence[LibraryItemView], home: str
) -> Response[bytes]:
    base_url = server_address(request, settings.public_url)
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"]
    feed = Feed(
        title=title,
        description=_("Sounds that people made here and published."),
        home_url=f"{base_url}{home}",
        self_url=f"{base_url}{path}?{query}" if query else f"{base_url}{path}",
        entries=[_entry(item, base_url) for item in items if item.is_listed],
    )
    is_json = path.endswith(".json")
    body, media_type = (json_feed(feed), JSON_FEED) if is_json else (rss(feed), RSS)
    # Feed readers ask often; a minute later will do.
    return Response(body, media_type=media_type, headers={"Cache-Control": "public, max-age=60"})


def _entry(item: LibraryItemView, base_url: str) -> Entry:
    return Entry(
        page_url=f"{base_url}/sounds/{item.sound_id}",
        audio_url=f"{base_url}/audio/{item.sound_id}.mp3",
        image_url=f"{base_url}/spectrogram/{item.sound_id}.png",
        title=item.title,
        text=item.prompt,
        author=item.owner,
        tags=item.tags,
        duration_s=item.duration_s,
        created_ms=item.created_ms,
    )


async def _published(
    settings: Settings, library: LibraryServices, sound_id: str
) -> tuple[LibraryItemView, SoundView]:
    """Return a sound that anyone may see, where sounds may be embedded. Raises NotFound."""
    if not settings.embedding:
        raise NotFound(translated(NOT_ALLOWED))
    item, sound = await library.details.of(None, sound_id)
    if not item.is_listed:
        raise NotFound(translated(NOT_FOUND))
    return item, sound


EMBED_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    show_embed,
    oembed,
    library_feed,
    playlist_feed,
)
