"""Sends a browser elsewhere, with htmx or without."""

from typing import Any, TypeAlias
from urllib.parse import quote

from litestar import Response
from litestar.status_codes import HTTP_303_SEE_OTHER
from litestar_htmx import ClientRedirect, HTMXRequest

from webapp.http.middleware.prefix import public_path

PageRequest: TypeAlias = HTMXRequest


def wants_fragments(request: PageRequest) -> bool:
    """Return whether a page asks in the background for parts of itself.

    A followed link or a plain form, which htmx fetches too so that the player goes on, wants a whole page.
    """
    return bool(request.htmx) and not request.htmx.boosted


def server_address(request: PageRequest, public_url: str) -> str:
    """Return the address under which people reach the server, without a slash at its end.

    `public_url` is the setting; where it is empty, the address is the one that the request names.
    """
    return (public_url or str(request.base_url)).rstrip("/")


def see_other(request: PageRequest, path: str) -> Response[Any]:
    """Go to a path of ours with GET.

    A background request would follow a 303 by itself, so it is told to navigate.
    """
    # Headers know no letters beyond Latin-1, and what a form calls its way back may have any.
    path = quote(public_path(path), safe="/?#[]@!$&'()*+,;=:%~")
    if wants_fragments(request):
        return ClientRedirect(redirect_to=path)
    return Response(
        None, status_code=HTTP_303_SEE_OTHER, headers={"Location": path, "Cache-Control": "no-store"}
    )
