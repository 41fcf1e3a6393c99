"""Server-sent events: a writer that keeps quiet connections alive and lets go of ended ones."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from functools import lru_cache
from typing import Final

import msgspec
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from webapp.http.streams.welcome import Welcome

# Proxies and readers may take 15 seconds of silence for the end.
HEARTBEAT_S: Final = 10.0
HEARTBEAT: Final = b": still here\n\n"
EVENT_STREAM: Final = "text/event-stream"

# `no-transform` and X-Accel-Buffering ask proxies to pass events on as they come.
HEADERS: Final = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}

logger = logging.getLogger(__name__)


class ServerEvent(msgspec.Struct, frozen=True):
    """One event. `name` is its type; without one, readers get a plain message."""

    data: str
    name: str | None = None
    event_id: str | None = None
    retry_ms: int | None = None

    def encode(self) -> bytes:
        """The event as it goes over the wire (HTML standard, section 9.2)."""
        return _encoded(self)


# Few: what many listeners are told at the same time is written once.
@lru_cache(maxsize=8)
def _encoded(event: ServerEvent) -> bytes:
    lines = []
    if event.retry_ms is not None:
        lines.append(f"retry: {event.retry_ms}")
    if event.event_id is not None:
        lines.append(f"id: {_one_line(event.event_id)}")
    if event.name is not None:
        lines.append(f"event: {_one_line(event.name)}")
    text = event.data.replace("\r\n", "\n").replace("\r", "\n")
    lines += (f"data: {line}" for line in text.split("\n"))
    return ("\n".join(lines) + "\n\n").encode()


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ").replace("\0", "")


class StopSignal:
    """Says that the server is about to stop, so that endless answers end by themselves.

    A server waits for its connections before it shuts an application down; whoever tells it to stop
    must therefore set this first.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """Tell every stream to end; for good."""
        self._event.set()

    def is_set(self) -> bool:
        return self._event.is_set()

    async def wait(self) -> None:
        await self._event.wait()


class EventStream(ASGIResponse):
    """An answer that goes on until its events end, the reader leaves or the server stops.

    The generator is closed in the task that ran it whatever ends the answer, so its `finally` and
    `with` blocks run before the connection is forgotten. A slow reader holds up only its own generator.
    """

    _should_set_content_length = False

    def __init__(
        self,
        events: AsyncGenerator[ServerEvent, None],
        stop: StopSignal,
        *,
        welcome: Welcome | None = None,
        heartbeat_s: float = HEARTBEAT_S,
        on_close: Callable[[], None] | None = None,
    ) -> None:
        """The answer ends when `welcome` is over, where the reader is somebody.

        `on_close` is called once the answer is over, however it ended.
        """
        super().__init__(media_type=EVENT_STREAM, headers=HEADERS)
        self._events = events
        self._stop = stop
        self._heartbeat_s = heartbeat_s
        self._on_close = on_close
        self._welcome = welcome
        self._spoke_at = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.start_response(send)
            writer = asyncio.ensure_future(self._write(send))
            beside = [
                asyncio.ensure_future(self._beat(send)),
                asyncio.ensure_future(_disconnected(receive)),
                asyncio.ensure_future(self._stop.wait()),
            ]
            if self._welcome is not None:
                beside.append(asyncio.ensure_future(self._welcome.until_over()))
            try:
                await asyncio.wait([writer, *beside], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (writer, *beside):
                    task.cancel()
                await asyncio.gather(writer, *beside, return_exceptions=True)
            _log_failure(writer)
            with suppress(OSError):
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            if self._on_close:
                self._on_close()

    async def _write(self, send: Send) -> None:
        async with aclosing(self._events) as events:
            async for event in events:
                await self._say(send, event.encode())

    async def _beat(self, send: Send) -> None:
        """Say something whenever nothing was said for a while."""
        clock = asyncio.get_running_loop().time
        self._spoke_at = clock()
        while True:
            quiet_s = clock() - self._spoke_at
            if quiet_s < self._heartbeat_s:
                await asyncio.sleep(self._heartbeat_s - quiet_s)
            else:
                await self._say(send, HEARTBEAT)

    async def _say(self, send: Send, chunk: bytes) -> None:
        self._spoke_at = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": chunk, "more_body": True})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _log_failure(writer: asyncio.Future[None]) -> None:
    """Note why a stream broke; the answer has begun, so nobody else can be told."""
    if not writer.cancelled() and (error := writer.exception()) and not isinstance(error, OSError):
        logger.error("an event stream broke", exc_info=error)
