"""Notices that a proxy stands in front which the settings do not know of."""

import logging
from dataclasses import dataclass
from typing import Final

from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.http.requests.client_address import client_address, trusted_networks
from webapp.settings import Settings

FORWARDING: Final = frozenset(
    {b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host", b"x-forwarded-proto"}
)

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class ProxyWatch:
    """Return the address of the first proxy that the settings do not name, seen since the start, if any."""

    unknown_proxy: str | None = None


class NoticeProxies:
    """Middleware that notes the first request that somebody forwarded whom `trusted_proxies` does not name.

    All visitors behind such a proxy count as one, and share the limits of one address.
    """

    def __init__(self, app: ASGIApp, settings: Settings, watch: ProxyWatch) -> None:
        self.app = app
        self._trusted = trusted_networks(settings.trusted_proxies)
        self._watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._watch.unknown_proxy is None and _was_forwarded(scope):
            self._look(scope)
        await self.app(scope, receive, send)

    def _look(self, scope: Scope) -> None:
        client = scope.get("client")
        peer = client_address(client[0] if client else None, (), ())
        is_known = client_address(peer, ("192.0.2.1",), self._trusted) != peer
        if is_known:
            return
        self._watch.unknown_proxy = peer
        logger.warning(
            "requests come through a proxy that SOUNDLOOM_TRUSTED_PROXIES does not name: all visitors behind"
            " it share the limits of one address",
            extra={"proxy": peer},
        )


def _was_forwarded(scope: Scope) -> bool:
    """Return whether a request says that it came through a proxy, or a proxy has changed the `Host` of it.

    The latter shows where a browser's form comes from a page of ours and yet names another host.
    """
    origin = b""
    for name, value in scope["headers"]:
        if name in FORWARDING:
            return True
        if name == b"origin":
            origin = value.partition(b"://")[2]
    if not origin:
        return False
    headers = dict(scope["headers"])
    is_ours = headers.get(b"sec-fetch-site") == b"same-origin"
    return is_ours and origin.lower() != headers.get(b"host", b"").lower()
