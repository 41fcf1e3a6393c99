"""Answers only to the names the server is known by, against DNS rebinding."""

import ipaddress
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.errors import InvalidRequest
from webapp.http.addresses import split_address
from webapp.http.errors import send_problem
from webapp.settings import Settings

# A name has 253 characters at most (RFC 1035), a port five.
MAX_HOST_CHARACTERS: Final = 260
OLD_VERSIONS: Final = frozenset({"0.9", "1.0"})
LOOPBACK_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def known_hosts(settings: Settings) -> frozenset[str]:
    """Every host name the server answers to, in lower case and without ports."""
    listed = (name.strip() for name in settings.allowed_hosts.split(","))
    public = urlsplit(settings.public_url).hostname or ""
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

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self._known = known_hosts(settings)
        # Nearly all requests name the same host or two.
        self.is_known = lru_cache(maxsize=128)(self._is_known)
        self._any_address = settings.host in {"0.0.0.0", "::"}  # noqa: S104 - compared, not bound

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        values = [value for name, value in scope["headers"] if name == b"host"]
        # HTTP/1.0 knows no hosts, and no browser speaks it.
        is_old = not values and scope.get("http_version") in OLD_VERSIONS
        if not is_old and not (len(values) == 1 and self.is_known(values[0].decode("latin-1"))):
            await send_problem(InvalidRequest("This server does not answer to that host name"), send)
            return
        await self.app(scope, receive, send)

    def _is_known(self, header: str) -> bool:
        """Whether the value of a `Host` header names this server."""
        name = host_name(header)
        if name is None:
            return False
        return name in self._known or (self._any_address and _is_address(name))


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
