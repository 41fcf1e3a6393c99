"""Who is really asking, when proxies stand in between."""

import functools
import ipaddress
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from litestar.connection import ASGIConnection

from webapp.errors import SettingsError
from webapp.settings import Settings

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

UNKNOWN: Final = "unknown"
# More proxies than stand in any row.
MAX_HOPS: Final = 32


@functools.lru_cache(maxsize=8)
def trusted_networks(setting: str) -> tuple[Network, ...]:
    """The proxies that a `trusted_proxies` setting names. Raises SettingsError."""
    names = [name.strip() for name in setting.split(",") if name.strip()]
    try:
        return tuple(ipaddress.ip_network(name) for name in names)
    except ValueError as error:
        raise SettingsError(f"SOUNDLOOM_TRUSTED_PROXIES has a wrong value: {error}.") from error


def client_address(peer: str | None, forwarded_for: Sequence[str], trusted: Sequence[Network]) -> str:
    """The nearest address that is not a trusted proxy's.

    `peer` is the other end of the connection, `forwarded_for` the values of the X-Forwarded-For
    headers in their order. Each proxy appends whom it heard from, so the list is read from its end, and
    only as long as whoever vouches for an entry is trusted. What a client wrote there itself is
    never reached. An unreadable entry ends the search at the proxy that passed it on.
    """
    current = _parse(peer or "")
    if current is None:
        return UNKNOWN
    nearest = forwarded_for[-MAX_HOPS:]
    entries = [entry for value in nearest for entry in value.rsplit(",", MAX_HOPS)][-MAX_HOPS:]
    while entries and any(current in network for network in trusted):
        vouched = _parse(entries.pop())
        if vouched is None:
            break
        current = vouched
    return str(current)


def address_of(connection: ASGIConnection[Any, Any, Any, Any], settings: Settings) -> str:
    """The client address of a request."""
    client = connection.scope.get("client")
    return client_address(
        client[0] if client else None,
        connection.headers.getall("x-forwarded-for", []),
        trusted_networks(settings.trusted_proxies),
    )


def _parse(text: str) -> Address | None:
    """An address, with or without a port; IPv4 in IPv6 clothing is IPv4."""
    name = text.strip()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    try:
        parsed = ipaddress.ip_address(name)
    except ValueError:
        return None
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        return parsed.ipv4_mapped
    return parsed
