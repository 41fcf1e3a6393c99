"""A file to be saved, sent while it is put together."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final
from urllib.parse import quote

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.http.streams.sse import StopSignal

logger: Final = logging.getLogger(__name__)


class Attachment(ASGIResponse):
    """An answer of pieces, to be saved under a name.

    It ends early when the reader leaves or the server stops; the connection is then cut, so that nobody
    takes what came for the whole. The generator is closed however the answer ends.
    """

    _should_set_content_length = False

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        file_name: str,
        media_type: str,
        stop: StopSignal,
        *,
        size_bytes: int | None = None,
        is_head: bool = False,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """`size_bytes` where it is known; `on_close` is called once the answer is over."""
        headers = {"content-disposition": disposition(file_name), "cache-control": "private, no-store"}
        if size_bytes is not None:
            headers["content-length"] = str(size_bytes)
        super().__init__(media_type=media_type, headers=headers)
        self._pieces = pieces
        self._stop = stop
        self._is_head = is_head
        self._on_close = on_close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            if self._is_head:
                await self._pieces.aclose()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            writer = asyncio.ensure_future(self._write(send))
            beside = [
                asyncio.ensure_future(_disconnected(receive)),
                asyncio.ensure_future(self._stop.wait()),
            ]
            try:
                await asyncio.wait([writer, *beside], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (writer, *beside):
                    task.cancel()
                await asyncio.gather(writer, *beside, return_exceptions=True)
            if not writer.cancelled() and (error := writer.exception()):
                logger.error("a download broke off", exc_info=error)
        finally:
            if self._on_close:
                self._on_close()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def disposition(file_name: str) -> str:
    """`Content-Disposition` for any name (RFC 6266): a plain one, and the right one where they differ."""
    plain = "".join(
        character if character.isascii() and character.isprintable() else "_" for character in file_name
    )
    plain = plain.replace("\\", "_").replace('"', "_")
    header = f'attachment; filename="{plain}"'
    return header if plain == file_name else f"{header}; filename*=UTF-8''{quote(file_name, safe='')}"


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
