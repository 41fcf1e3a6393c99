"""HTTP/1.1 on the wire: uvicorn's, with bounds on the head of a request that it does not have itself."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from webapp.http.errors import PROBLEM_JSON, Problem

# A head holds the address and the headers. Browsers send 1 to 2 KiB, and proxies refuse 8 to 32.
MAX_HEAD_BYTES: Final = 32 * 1024
MAX_HEADERS: Final = 100
HEAD_TIMEOUT_S: Final = 10.0

MALFORMED: Final = "The request is not valid HTTP"
TOO_LARGE: Final = "The request's headers are too large"
TOO_SLOW: Final = "The request took too long to arrive"


class BoundedProtocol(HttpToolsProtocol):
    """Refuses heads that are malformed, too large, or do not end, as problems like any other."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._in_head = True
        self._head_bytes = 0
        self._messages_completed = 0
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        self._start_head_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_head_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        completed = self._messages_completed
        super().data_received(data)
        if self.transport.is_closing() or not self._in_head:
            return
        if self._messages_completed == completed:
            # Otherwise these bytes ended a body, and how many of them begin another head is not known.
            self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, TOO_LARGE)
        else:
            self._start_head_timer()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._head_bytes = 0
        self._stop_head_timer()
        if self.transport.is_closing():
            return
        head_bytes = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if len(self.headers) > MAX_HEADERS or head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, TOO_LARGE)
            return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_head = True
        self._messages_completed += 1
        if not self.transport.is_closing():
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, MALFORMED)

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
