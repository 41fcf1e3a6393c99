"""A way to an object store on which some calls are late, some fail and some are cut."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

FAILED_SHARE: Final = 0.05
DELAYED_SHARE: Final = 0.1
MOST_DELAY_S: Final = 0.3
HOP_HEADERS: Final = {"connection", "transfer-encoding", "content-length"}


class UnreliableWay:
    """Passes requests on to a store. Of all calls one in twenty fails: half are refused, half are cut."""

    def __init__(self, target: str, seed: int) -> None:
        self._target = target.removeprefix("http://")
        self._draw = random.Random(seed)
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self.is_away = False
        self.passed = self.failed = 0
        way = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                fault = way.fault()
                if fault == "refused":
                    self.send_response(503)
                    self.send_header("content-length", "0")
                    self.end_headers()
                elif fault == "cut":
                    self.close_connection = True
                else:
                    # A store may have done what it could not say any more.
                    with suppress(OSError):
                        way.answer(self, body)

            def do_GET(self) -> None:
                self._pass_on()

            def do_HEAD(self) -> None:
                self._pass_on()

            def do_PUT(self) -> None:
                self._pass_on()

            def do_POST(self) -> None:
                self._pass_on()

            def do_DELETE(self) -> None:
                self._pass_on()

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def fault(self) -> str:
        """Draw what happens to the next call, and let a late one wait."""
        with self._lock:
            chance, delay_s = self._draw.random(), 0.0
            if self.is_away or chance < FAILED_SHARE:
                self.failed += 1
                return "refused" if chance < FAILED_SHARE / 2 else "cut"
            self.passed += 1
            if chance < FAILED_SHARE + DELAYED_SHARE:
                delay_s = self._draw.random() * MOST_DELAY_S
        self._closed.wait(delay_s)
        return ""

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        """Ask the store, and pass its answer back."""
        connection = HTTPConnection(self._target)
        try:
            connection.request(request.command, request.path, body, dict(request.headers))
            answer = connection.getresponse()
            content = answer.read()
        except (OSError, HTTPException):
            request.close_connection = True
            return
        finally:
            connection.close()
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in HOP_HEADERS:
                request.send_header(name, value)
        length = answer.getheader("content-length") if request.command == "HEAD" else str(len(content))
        request.send_header("content-length", length or "0")
        request.end_headers()
        request.wfile.write(content)

    def close(self) -> None:
        self._closed.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def unreliable_way_to(endpoint: str, seed: int) -> Iterator[UnreliableWay]:
    """Open such a way; it is closed with the block."""
    way = UnreliableWay(endpoint, seed)
    try:
        yield way
    finally:
        way.close()
