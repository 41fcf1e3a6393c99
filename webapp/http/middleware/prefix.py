"""Being served under a path, as in `https://example.org/sound/`, whatever the proxy in front does with it."""

import re
from contextvars import ContextVar
from typing import Final

from litestar import Litestar
from litestar.exceptions import HTTPException, NotFoundException
from litestar.types import ASGIApp, Receive, Scope, Send

from webapp.errors import SettingsError

_prefix: Final[ContextVar[str]] = ContextVar("path_prefix", default="")


def public_path(path: str) -> str:
    """A path of ours as clients of the present request have to ask for it."""
    return _prefix.get() + path


def own_path(path: str) -> str:
    """Return what `public_path` was given; a path without the prefix stays as it is."""
    prefix = _prefix.get()
    is_below = prefix and (path == prefix or path.startswith(f"{prefix}/"))
    return (path[len(prefix) :] or "/") if is_below else path


class PathPrefix:
    """Takes the prefix off the paths of requests, where the proxy has not, and has answers put it on.

    So everything within knows its own paths only. A path that could be meant either way is meant as the
    one that is served.
    """

    def __init__(self, app: ASGIApp, litestar: Litestar, prefix: str) -> None:
        """Raises SettingsError for a prefix with which addresses would have two meanings."""
        self.app = app
        self._router = litestar.asgi_router
        self._prefix = prefix
        for route in litestar.routes:
            self._refuse_two_meanings(_sample(route.path))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = _prefix.set(self._prefix)
        try:
            await self.app(self._within(scope), receive, send)
        finally:
            _prefix.reset(token)

    def _within(self, scope: Scope) -> Scope:
        path = scope["path"]
        rest = self._without(path)
        if rest is None or (not self._is_served(rest) and self._is_served(path)):
            return scope
        raw_path, raw_prefix = scope["raw_path"], self._prefix.encode()
        if raw_path.startswith(raw_prefix):
            raw_path = raw_path[len(raw_prefix) :] or b"/"
        inner = scope.copy()
        inner["path"], inner["raw_path"] = rest, raw_path
        return inner

    def _without(self, path: str) -> str | None:
        """The path after the prefix; None where it does not begin with it."""
        if path != self._prefix and not path.startswith(f"{self._prefix}/"):
            return None
        return path[len(self._prefix) :] or "/"

    def _is_served(self, path: str) -> bool:
        try:
            self._router.handle_routing(path=path.rstrip("/") or "/", method="GET")
        except NotFoundException:
            return False
        except HTTPException:
            return True
        return True

    def _refuse_two_meanings(self, path: str) -> None:
        rest = self._without(path)
        if rest is not None and self._is_served(path) and self._is_served(rest):
            raise SettingsError(
                f"SOUNDLOOM_PUBLIC_URL cannot have the path {self._prefix}: Soundloom has pages of its own"
                f" there, such as {path}; take another."
            )


def _sample(route_path: str) -> str:
    """A path that a route answers to."""
    return re.sub(r"\{[^}]*:int\}", "1", re.sub(r"\{[^}]*:(str|path)\}", "x", route_path))
