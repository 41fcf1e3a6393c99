"""The limit on searches of the library: the same for the API and the pages."""

from typing import Any

from litestar.connection import ASGIConnection

from webapp.http.rate_limit import announce, told
from webapp.http.requests.client_address import address_of
from webapp.policy.library.fields import LibraryQuery
from webapp.services.shared.facade import SharedServices
from webapp.services.shared.rate_limits import address_group
from webapp.settings import Settings


def count_search(
    connection: ASGIConnection[Any, Any, Any, Any],
    settings: Settings,
    shared: SharedServices,
    query: LibraryQuery,
) -> None:
    """Count a list if it costs more than a look, and tell with the answer what the address has left.

    Raises LimitReached.
    """
    client = address_group(address_of(connection, settings))
    try:
        if query.is_costly:
            shared.searches.take(client)
    finally:
        announce(connection, told(shared.searches.usage(client)))
