"""Sends a browser elsewhere, with htmx or without."""

from typing import Any, TypeAlias

from litestar import Response
from litestar.status_codes import HTTP_303_SEE_OTHER
from litestar_htmx import ClientRedirect, HTMXRequest

PageRequest: TypeAlias = HTMXRequest


def see_other(request: PageRequest, path: str) -> Response[Any]:
    """Go to `path` with GET. A background request would follow a 303 by itself, so it is told to navigate."""
    if request.htmx:
        return ClientRedirect(redirect_to=path)
    return Response(
        None, status_code=HTTP_303_SEE_OTHER, headers={"Location": path, "Cache-Control": "no-store"}
    )
