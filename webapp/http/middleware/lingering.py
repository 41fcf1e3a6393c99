"""Reads off a request's body that nobody read before the answer."""

import asyncio
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPReceiveMessage, Message, Receive, Scope, Send

SMALL_BYTES: Final = 64 * 1024
# A small body that was sent along is there already; one that is not in this time is not worth a wait.
SMALL_S: Final = 0.25
LINGER_BYTES: Final = 4 * 1024 * 1024
LINGER_S: Final = 2.0


class UnreadBodies:
    """Ends a connection whose request was answered while its body was still coming.

    Otherwise a body without end would keep its connection for ever. What is small is read and dropped,
    and the connection goes on. For the rest the answer says that the connection closes, and a little
    more is read before it does: a connection closed in the middle of what the client is sending would be
    reset, and the client might never see its answer.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        length = _announced_length(scope)
        if length == 0:
            await self.app(scope, receive, send)
            return
        body = _Body(receive)
        # A client that waits to be told to go on has sent nothing, and must not be told to.
        waits = scope.get("http_version") != "1.0" and any(name == b"expect" for name, _ in scope["headers"])
        is_small = not waits and (length is None or length <= SMALL_BYTES)

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                if not body.is_over and is_small:
                    await body.drop(SMALL_BYTES, SMALL_S)
                if not body.is_over:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            elif message["type"] == "http.response.body" and not message["more_body"] and not body.is_over:
                await send({**message, "more_body": True})
                if not waits:
                    await body.drop(LINGER_BYTES, LINGER_S)
                message = {"type": "http.response.body", "body": b"", "more_body": False}
            await send(message)

        await self.app(scope, body.receive, send_and_close)


class _Body:
    """A body as it comes, and whether all of it has."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self.is_over = False

    async def receive(self) -> HTTPReceiveMessage:
        message = await self._receive()
        if message["type"] != "http.request" or not message["more_body"]:
            self.is_over = True
        return message  # type: ignore[return-value]  # the scope is HTTP, and so are its messages

    async def drop(self, limit_bytes: int, limit_s: float) -> None:
        """Read and forget, up to so many bytes and seconds."""
        dropped = 0
        try:
            async with asyncio.timeout(limit_s):
                while not self.is_over and dropped <= limit_bytes:
                    message = await self.receive()
                    dropped += len(message["body"]) if message["type"] == "http.request" else 0
        except TimeoutError:
            return


def _announced_length(scope: Scope) -> int | None:
    """Return how long the body is to be: 0 where there is none, None where the head does not say."""
    if scope["type"] != ScopeType.HTTP:
        return 0
    length = b"0"
    for name, value in scope["headers"]:
        if name == b"transfer-encoding":
            return None
        if name == b"content-length":
            length = value
    return int(length) if length.isdigit() and len(length) < 19 else None
