"""Gives every request an id, and logs one line about each when it is answered."""

import itertools
import re
import secrets
import time
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from webapp.logs import log_access, request_id

REQUEST_ID_HEADER: Final = b"x-request-id"
MAX_LOGGED_PATH: Final = 200
# The id of a generation is all that protects its files, so a log must not hand it out whole.
_FILE_ID: Final = re.compile(r"[0-9a-f]{20}")

# Unique is enough: an id lets nobody do anything.
_PROCESS: Final = secrets.token_hex(4)
_numbers: Final = itertools.count(secrets.randbits(24))


class AccessLog:
    """Outermost middleware: an id per request, in the answer and in every log line made on the way.

    No id is taken from outside. The line holds no query string, header or body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        new_id = f"{_PROCESS}{next(_numbers):08x}"
        token = request_id.set(new_id)
        started_ns = time.perf_counter_ns()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (REQUEST_ID_HEADER, new_id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, send_with_id)
        finally:
            log_request(scope, status, time.perf_counter_ns() - started_ns)
            request_id.reset(token)


def log_request(scope: Scope, status: int, elapsed_ns: int) -> None:
    """Write the access line; `status` 0 says that the connection ended before an answer began."""
    method = scope.get("method", scope["type"])
    log_access(f"{method} {loggable_path(scope)} {status or 'gone'}", ms=round(elapsed_ns / 1_000_000, 1))


def loggable_path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded and thus on one line, without file ids."""
    raw = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    path = raw.partition(b"?")[0].decode("ascii", "backslashreplace")
    printable = path[:MAX_LOGGED_PATH]
    if not printable.isprintable():
        printable = "".join(character if character.isprintable() else "?" for character in printable)
    return _FILE_ID.sub(lambda found: found[0][:4] + "…", printable)
