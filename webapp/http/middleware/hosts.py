"""Answers only to the names the server is known by, against DNS rebinding."""

import ipaddress
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from litestar.datastructures import Headers
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse
from litestar.types import ASGIApp, HTTPDisconnectEvent, Receive, Scope, Send

from webapp.errors import UnknownHost
from webapp.http.errors import Problem, describe, send_problem
from webapp.http.requests.accept import prefers_html
from webapp.http.requests.addresses import split_address
from webapp.http.requests.public_url import public_url
from webapp.settings import Settings

# What tells a person in a browser, as a whole page.
UnknownHostPage = Callable[[Problem], str]

# A name has 253 characters at most (RFC 1035), a port five.
MAX_HOST_CHARACTERS: Final = 260
OLD_VERSIONS: Final = frozenset({"0.9", "1.0"})
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def known_hosts(settings: Settings) -> frozenset[str]:
    """Every host name the server answers to, in lower case and without ports."""
    listed = (name.strip() for name in settings.allowed_hosts.split(","))
    public = public_url(settings).host
    return LOOPBACK_NAMES | {name.lower() for name in (settings.host, public, *listed) if name}


def host_name(header: str) -> str | None:
    """The name in a `Host` header, without its port; None when it is not one."""
    parts = split_address("//" + header) if len(header) <= MAX_HOST_CHARACTERS else None
    if parts is None:
        return None
    try:
        valid = parts.hostname and not (parts.path or parts.query or parts.fragment or parts.username)
        return parts.hostname if valid and (parts.port is None or parts.port >= 0) else None
    except ValueError:
        return None


class HostCheck:
    """Refuses requests that name another host.

    A page elsewhere can make a browser resolve its own name to this machine; the `Host` header still
    tells. Listening on every address (`0.0.0.0`), a bare address is as good as a name: rebinding needs one.
    """

    def __init__(self, app: ASGIApp, settings: Settings, html_page: UnknownHostPage | None = None) -> None:
        """`html_page` tells people in a browser; everybody else is told in JSON."""
        self.app = app
        self._html_page = html_page
        self._known = known_hosts(settings)
        # Nearly all requests name the same host or two.
        self.is_known = lru_cache(maxsize=128)(self._is_known)
        self._any_address = settings.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not self._is_addressed(scope):
            await self._refuse(_host_header(scope), scope, send)
            return
        await self.app(scope, receive, send)

    def _is_addressed(self, scope: Scope) -> bool:
        """Return whether a request names this server, or is of a version that names none."""
        if scope.get("http_version") in OLD_VERSIONS and not any(n == b"host" for n, _ in scope["headers"]):
            # No browser speaks it.
            return True
        return self.is_known(_host_header(scope))

    async def _refuse(self, header: str, scope: Scope, send: Send) -> None:
        error = UnknownHost(host_name(header))
        accepted = Headers.from_scope(scope).get("accept", "")
        if self._html_page is None or not prefers_html(accepted):
            await send_problem(error, send)
            return
        page = self._html_page(describe(error))
        await ASGIResponse(body=page.encode(), status_code=400, media_type=MediaType.HTML)(
            scope, _nothing, send
        )

    def _is_known(self, header: str) -> bool:
        """Return whether the value of a `Host` header names this server."""
        name = host_name(header)
        if name is None:
            return False
        return name in self._known or (self._any_address and _is_address(name))


async def _nothing() -> HTTPDisconnectEvent:
    return {"type": "http.disconnect"}


def _host_header(scope: Scope) -> str:
    values = [value for name, value in scope["headers"] if name == b"host"]
    return values[0].decode("latin-1") if len(values) == 1 else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
