"""Refuses what another site makes a signed-in browser send (cross-site request forgery).

Browsers say where a request comes from, in headers that no page can forge: `Sec-Fetch-Site`, and
`Origin` on every POST. So forms need no token of their own. The JSON API reads no cookie and needs
none of this.
"""

from typing import Final

from litestar.datastructures import Headers
from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.errors import ForeignPage
from webapp.http.requests.addresses import split_address
from webapp.http.requests.public_url import public_url
from webapp.settings import Settings

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})


class SameOriginOnly:
    """Middleware for routes that trust cookies: unsafe methods must come from our own pages.

    Raises ForeignPage for the others. A request with neither header passes only without our cookie:
    it is no browser's, and nobody is signed in through it.
    """

    def __init__(self, app: ASGIApp, settings: Settings, cookie_name: str) -> None:
        self.app = app
        self._public_origin = public_url(settings).origin or None
        self._cookie = f"{cookie_name}="

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") not in SAFE_METHODS and not self.is_ours(Headers.from_scope(scope)):
            raise ForeignPage
        await self.app(scope, receive, send)

    def is_ours(self, headers: Headers) -> bool:
        """Return whether the headers of a request say that one of our pages sent it."""
        site = headers.get("sec-fetch-site")
        if site is not None:
            return bool(site == "same-origin")
        origin = headers.get("origin")
        if origin is not None:
            return self._is_our_origin(origin.lower(), headers.get("host", "").lower())
        return self._cookie not in headers.get("cookie", "")

    def _is_our_origin(self, origin: str, host: str) -> bool:
        # Behind a proxy the scheme that we see is not the one the browser used, so the host decides.
        if origin == self._public_origin:
            return True
        parts = split_address(origin)
        return bool(host) and parts is not None and parts.netloc == host
