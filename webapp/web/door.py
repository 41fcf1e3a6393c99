"""Answers while the application is not there yet: a server whose database is away is alive all the same."""

from typing import Final

from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.errors import Unavailable
from webapp.http.errors import send_problem

STARTING: Final = "Soundloom is starting; please try again in a moment"
_ALIVE: Final = (200, b"ok\n")
_NOT_READY: Final = (503, b"not ready: the server is starting\n")
_HEALTH: Final = {"/healthz": _ALIVE, "/readyz": _NOT_READY}


class Door:
    """An ASGI application that passes everything on to another one, as soon as there is one."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None

    @property
    def is_open(self) -> bool:
        """Return whether there is an application to pass to."""
        return self._app is not None

    def open(self, app: ASGIApp) -> None:
        """From now on this one answers."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._app is not None:
            await self._app(scope, receive, send)
        elif scope["path"] in _HEALTH:
            await _send_text(*_HEALTH[scope["path"]], send)
        else:
            await send_problem(Unavailable(STARTING), send)


async def _send_text(status: int, body: bytes, send: Send) -> None:
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
