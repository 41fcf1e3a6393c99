"""An answer with a sound that is still being made."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Final, cast

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.http.streams.sse import StopSignal
from webapp.http.streams.welcome import Welcome

# Where the server lets an answer end its connection without the end of its body.
CUT: Final = "soundloom.cut"
HEADERS: Final = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}

logger = logging.getLogger(__name__)


class SoundCut(Exception):
    """The sound that was begun is not made to its end: the connection has to be cut."""


class SoundStream(ASGIResponse):
    """Sends a sound as it comes. Only a whole sound is ended properly; of any other the connection is cut.

    So a client can tell the two apart, and nothing between takes half a sound for a whole one. That is the
    case when `pieces` raises, when the server stops and when the reader is let in no longer.
    """

    _should_set_content_length = False

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        stop: StopSignal,
        *,
        media_type: str,
        welcome: Welcome,
        on_close: Callable[[], None],
    ) -> None:
        """`on_close` is called once the answer is over, however it ended."""
        super().__init__(media_type=media_type, headers=HEADERS)
        self._pieces = pieces
        self._stop = stop
        self._welcome = welcome
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            leaving = asyncio.ensure_future(_disconnected(receive))
            writer = asyncio.ensure_future(self._write(send))
            ends = [
                leaving,
                asyncio.ensure_future(self._stop.wait()),
                asyncio.ensure_future(self._welcome.until_over()),
            ]
            try:
                await asyncio.wait([writer, *ends], return_when=asyncio.FIRST_COMPLETED)
                has_left = leaving.done()
            finally:
                for task in (writer, *ends):
                    task.cancel()
                await asyncio.gather(writer, *ends, return_exceptions=True)
            if not has_left:
                await _end(scope, send, is_whole=_is_whole(writer))
        finally:
            self._on_close()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})


async def _end(scope: Scope, send: Send, *, is_whole: bool) -> None:
    """End the body, or cut the connection. Raises SoundCut where the server knows no other way to do that."""
    if is_whole:
        with suppress(OSError):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        return
    extension = (scope.get("extensions") or {}).get(CUT)
    if extension is None:
        raise SoundCut
    cast("Callable[[], None]", extension["cut"])()


def _is_whole(writer: asyncio.Future[None]) -> bool:
    if writer.cancelled():
        return False
    error = writer.exception()
    if error is not None and not isinstance(error, SoundCut | OSError):
        logger.error("the stream of a sound broke", exc_info=error)
    return error is None


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
