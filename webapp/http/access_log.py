"""Gives every request an id, and logs one line about each when it is answered."""

import logging
import re
import secrets
import time
from typing import Final

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from webapp.logs import request_id

REQUEST_ID_HEADER: Final = b"x-request-id"
MAX_LOGGED_PATH: Final = 200
# The id of a generation is all that protects its files, so a log must not hand it out whole.
_FILE_ID: Final = re.compile(r"[0-9a-f]{20}")

logger = logging.getLogger(__name__)


class AccessLog:
    """Outermost middleware: an id per request, in the answer and in every log line made on the way.

    No id is taken from outside. The line holds no query string, header or body.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        new_id = secrets.token_hex(8)
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
    if not logger.isEnabledFor(logging.INFO):
        return
    values = (scope.get("method", scope["type"]), loggable_path(scope), status or "gone")
    # Made by hand: `logger.info` would look for the line of code that called it, at every request.
    record = logging.LogRecord(logger.name, logging.INFO, __file__, 0, "%s %s %s", values, None)
    record.ms = round(elapsed_ns / 1_000_000, 1)
    logger.handle(record)


def loggable_path(scope: Scope) -> str:
    """The path as it was sent, still percent-encoded and thus on one line, without file ids."""
    raw = scope.get("raw_path") or scope["path"].encode("ascii", "backslashreplace")
    path = raw.partition(b"?")[0].decode("ascii", "backslashreplace")
    printable = path[:MAX_LOGGED_PATH]
    if not printable.isprintable():
        printable = "".join(character if character.isprintable() else "?" for character in printable)
    return _FILE_ID.sub(lambda found: found[0][:4] + "…", printable)
