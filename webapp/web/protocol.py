"""HTTP/1.1 and 1.0 on the wire: uvicorn's, with bounds on heads, and with what it leaves out."""

import asyncio
import re
from typing import Any, Final, cast

import httptools
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, ASGISendEvent, Scope
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from webapp.http.errors import PROBLEM_JSON, Problem
from webapp.http.status_phrases import RENAMED, phrase_of
from webapp.http.streams.sound_stream import CUT

# A head holds the address and the headers. Browsers send 1 to 2 KiB, and proxies refuse 8 to 32.
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_HEADERS: Final = 100
HEAD_TIMEOUT_S: Final = 10.0
OLD_VERSION: Final = "1.0"
VERSIONS: Final = frozenset({OLD_VERSION, "1.1"})

MALFORMED: Final = "The request is not valid HTTP"
TOO_LARGE: Final = "The request's headers are too large"
TOO_SLOW: Final = "The request took too long to arrive"
UNKNOWN_VERSION: Final = "This server speaks HTTP/1.1 and HTTP/1.0"
UNKNOWN_CODING: Final = "This Transfer-Encoding is not supported"

_WHOLE_ADDRESS: Final = re.compile(rb"https?://(?P<host>[^/?#]*)(?P<path>.*)", re.IGNORECASE | re.DOTALL)

# uvicorn has the names that Python has, which depend on its version.
STATUS_LINE.update(
    {status: b"HTTP/1.1 %d %s\r\n" % (status, phrase_of(status).encode()) for status in RENAMED}
)


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are malformed, too large, or do not end, as problems like any other.

    Wishes for another protocol are ignored (RFC 9110, section 7.8), and HTTP/1.0 is answered in its own way:
    see `answering`.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._messages_completed = 0
        self._wants_upgrade = False
        self._answered: RequestResponseCycle | None = None
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        # Of several requests in a row, uvicorn tells only the last that nobody waits for its answer.
        self.pipeline.clear()
        if self._answered is not None and not self._answered.response_complete:
            self._answered.disconnected = True
            self._answered.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        completed = self._messages_completed
        self._unset_keepalive_if_required()
        self._parse(memoryview(data))
        if self.transport.is_closing() or not self._in_head:
            return
        if self._messages_completed == completed:
            # Otherwise these bytes ended a body, and how many of them begin another head is not known.
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, TOO_LARGE)
        else:
            self._start_head_timer()

    def _parse(self, data: memoryview) -> None:
        while True:
            try:
                if self._wants_upgrade:
                    self._read_again_without_upgrade()
                if data:
                    self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = data[upgrade.args[0] :]
            except httptools.HttpParserError:
                self.send_400_response(MALFORMED)
                return
            else:
                return

    def _read_again_without_upgrade(self) -> None:
        """Give the head to a new parser; the old one takes what follows for another protocol."""
        self._wants_upgrade = False
        line = b"%s %s HTTP/%s" % (
            self.parser.get_method(),
            self.url,
            self.parser.get_http_version().encode("ascii"),
        )
        kept = [b"%s: %s" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser.feed_data(b"\r\n".join((line, *kept, b"", b"")))

    def on_header(self, name: bytes, value: bytes) -> None:
        # The parser leaves blanks behind a value, which are no part of it (RFC 9110, section 5.5).
        super().on_header(name, value.strip(b" \t"))

    def on_headers_complete(self) -> None:
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._wants_upgrade = True
            return
        self._in_head = False
        self._head_bytes = 0
        self._stop_head_timer()
        if self.transport.is_closing():
            return
        head_bytes, is_coding_known = len(self.url), True
        for name, value in self.headers:
            head_bytes += len(name) + len(value) + 4
            if name == b"transfer-encoding" and value.lower() != b"chunked":
                is_coding_known = False
        if len(self.headers) > MAX_HEADERS or head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, TOO_LARGE)
        elif self.parser.get_http_version() not in VERSIONS:
            self._refuse(505, UNKNOWN_VERSION)
        elif not is_coding_known:
            self._refuse(501, UNKNOWN_CODING)
        else:
            self._take_whole_address_apart()
            super().on_headers_complete()

    def _take_whole_address_apart(self) -> None:
        """Read `GET http://host/path` as its host and path: the header's host does not count beside it.

        RFC 9112, section 3.2.2. A request with several `Host` headers stays as it is, to be refused.
        """
        whole = None if self.url.startswith(b"/") else _WHOLE_ADDRESS.fullmatch(self.url)
        if whole is None:
            return
        others = [header for header in self.headers if header[0] != b"host"]
        if len(self.headers) - len(others) < 2:
            self.headers[:] = [*others, (b"host", whole["host"])]
        self.url = whole["path"] if whole["path"].startswith(b"/") else b"/" + whole["path"]

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self._wants_upgrade:
            return
        self._in_head = True
        self._messages_completed += 1
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, MALFORMED)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answered = cycle
        super()._start_asgi_task(cycle, answering(cycle, app))

    def _start_head_timer(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(HEAD_TIMEOUT_S, self._head_is_late)

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_is_late(self) -> None:
        self._head_timer = None
        # Between two requests, or behind an answer that is still on its way, uvicorn's own timer counts.
        cycle = self._last_cycle()
        is_answering = cycle is not None and not cycle.response_complete
        if self._in_head and not is_answering and not self.transport.is_closing():
            self._refuse(408, TOO_SLOW)

    def _has_begun_to_answer(self) -> bool:
        cycle = self._last_cycle()
        return cycle is not None and cycle.response_started and not cycle.response_complete

    def _last_cycle(self) -> RequestResponseCycle | None:
        """The newest request of this connection; None before the first."""
        return self.cycle

    def _refuse(self, status: int, text: str) -> None:
        """Answer and close, unless another answer is on its way on this connection: then only close."""
        if self.transport.is_closing():
            return
        if not self.pipeline and not self._has_begun_to_answer():
            problem = Problem(status, text)
            body = problem.body()
            head = (
                f"HTTP/1.1 {status} {problem.title}\r\ncontent-type: {PROBLEM_JSON}\r\n"
                f"content-length: {len(body)}\r\nconnection: close\r\nx-content-type-options: nosniff\r\n\r\n"
            )
            self.transport.write(head.encode("ascii") + body)
        self.transport.close()


def answering(cycle: RequestResponseCycle, app: ASGI3Application) -> ASGI3Application:
    """The application as it answers one request: silent once nobody listens, and without chunks to HTTP/1.0.

    It may cut its answer short; see `webapp.http.streams.sound_stream`. To HTTP/1.0 it ends without chunks:
    the end of the connection is the end of an answer of unknown length (RFC 9112, section 6.3), and
    nobody waits to be told to go on with a body.
    """
    is_old = cycle.scope["http_version"] == OLD_VERSION
    is_framed = True
    if is_old:
        cycle.waiting_for_100_continue = False

    def cut() -> None:
        cycle.disconnected = True
        cycle.transport.close()

    async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        async def send_as_understood(message: ASGISendEvent) -> None:
            nonlocal is_framed
            if cycle.transport.is_closing():
                cycle.disconnected = True
            elif is_old and message["type"] == "http.response.start":
                is_framed = any(name.lower() == b"content-length" for name, _ in message["headers"])
                cycle.chunked_encoding = None if is_framed else False
            elif not is_framed and message["type"] == "http.response.body":
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        cast("dict[str, Any]", scope)["extensions"] = {CUT: {"cut": cut}}
        await app(scope, receive, send_as_understood)

    return answer
