"""Bounds the query of an address."""

from typing import Final

from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.errors import AddressTooLong, InvalidRequest
from webapp.http.errors import send_problem

# 500 ids of sounds are the longest thing that anybody has to say in an address.
MAX_ADDRESS_BYTES: Final = 16 * 1024
MAX_PARAMETERS: Final = 100


class QueryBounds:
    """Refuses long addresses, and those with many parameters.

    The framework keeps the last thousand queries that it has taken apart, a hundred times their size.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = scope["query_string"]
        if len(scope["raw_path"]) + len(query) > MAX_ADDRESS_BYTES:
            await send_problem(AddressTooLong(), send)
        elif query.count(b"&") >= MAX_PARAMETERS:
            await send_problem(InvalidRequest("The address has too many parameters"), send)
        else:
            await self.app(scope, receive, send)
