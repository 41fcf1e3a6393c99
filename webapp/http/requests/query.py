"""Which query parameters an endpoint takes."""

from collections.abc import Callable
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from webapp.errors import InvalidRequest

AnyConnection = ASGIConnection[Any, Any, Any, Any]
SHOWN_CHARACTERS: Final = 40


def only(*names: str) -> Callable[[AnyConnection, BaseRouteHandler], None]:
    """A guard of a list: it takes these parameters, each once, and refuses others.

    A filter that is misspelt, and so not heeded, would give more than was asked for, and nobody would know.
    """
    known = frozenset(names)
    said = f"it takes {', '.join(names)}" if names else "it takes none"

    def check(connection: AnyConnection, _handler: BaseRouteHandler) -> None:
        seen = set[str]()
        for name, _ in connection.query_params.multi_items():
            shown = name[:SHOWN_CHARACTERS]
            if name not in known:
                raise InvalidRequest(f"This list has no parameter `{shown}`; {said}", field=shown)
            if name in seen:
                raise InvalidRequest(f"`{shown}` was given more than once", field=shown)
            seen.add(name)

    return check
