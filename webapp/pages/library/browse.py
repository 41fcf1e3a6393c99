"""Lists of the library: published sounds, the viewer's own, and the viewer's favourites."""

import math
from typing import Any, Final

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import SkipValidation

from webapp.errors import AuthenticationRequired
from webapp.http.dependencies import InjectedLibrary, InjectedSettings, InjectedShared
from webapp.http.middleware.prefix import public_path
from webapp.http.requests.searches import count_search
from webapp.pages.accounts.authentication import InjectedViewer
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.library.address import PER_PAGE, LibraryAddress, read_address
from webapp.pages.library.contexts import LibraryPage
from webapp.pages.library.sound_cards import SoundCards, own_playlists
from webapp.policy.library.fields import MAX_PAGE
from webapp.services.accounts.identity import Identity
from webapp.services.library import views
from webapp.services.library.facade import LibraryServices

SEARCH_FORM: Final = "form#library-search"
InjectedCards = NamedDependency[SkipValidation[SoundCards]]


@get("/library")
async def show_library(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    shared: InjectedShared,
    renderer: InjectedRenderer,
    sound_cards: InjectedCards,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Show the list that the address asks for."""
    address = read_address(dict(request.query_params))
    if address.view != "all" and viewer is None:
        raise AuthenticationRequired
    count_search(request, settings, shared, address.query)
    found = await _found(library, viewer, address)
    page = LibraryPage(
        chrome=Chrome("library", viewer, live="library"),
        address=address,
        cards=await sound_cards.of(viewer, found.items),
        total=found.total,
        playlists=await own_playlists(library, viewer),
        pages=min(max(1, math.ceil(found.total / PER_PAGE)), MAX_PAGE),
    )
    response = renderer.page(page)
    if request.headers.get("hx-source") == SEARCH_FORM:
        # A form names its empty fields too; the address that people share does not.
        response.headers["HX-Push-Url"] = public_path(address.url(page=address.page))
    return response


async def _found(
    library: LibraryServices, viewer: Identity | None, address: LibraryAddress
) -> views.LibraryPage:
    browse = library.browse
    if viewer is not None and address.view == "mine":
        return await browse.own(viewer, address.query)
    if viewer is not None and address.view == "favorites":
        return await browse.favorites(viewer, address.query)
    return await browse.public(address.query)
