"""HEAD wherever GET is answered (RFC 9110, section 9.1)."""

import asyncio
from typing import cast

from litestar import Litestar
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from litestar.types.asgi_types import ReceiveMessage


class HeadRequests:
    """Gives HEAD the head of what GET would be answered, unless a handler of the path knows HEAD itself."""

    def __init__(self, app: ASGIApp, routes: Litestar) -> None:
        """`app` answers by the `routes`."""
        self.app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") != "HEAD" or self._is_known(scope["path"]):
            await self.app(scope, receive, send)
            return
        is_answered = False

        async def send_head(message: Message) -> None:
            nonlocal is_answered
            if message["type"] == "http.response.start":
                is_answered = True
                await send(message)
                await send({"type": "http.response.body", "body": b"", "more_body": False})
            # Sending may take time; here it must at least leave some to whoever waits for the reader's leave.
            await asyncio.sleep(0)

        async def receive_until_answered() -> ReceiveMessage:
            # An endless answer ends when its reader leaves.
            if is_answered:
                return {"type": "http.disconnect"}
            return await receive()

        await self.app(cast("HTTPScope", {**scope, "method": "GET"}), receive_until_answered, send_head)

    def _is_known(self, path: str) -> bool:
        try:
            self._routes.asgi_router.handle_routing(path=path.rstrip("/") or "/", method="HEAD")
        except HTTPException:
            return False
        return True
