"""Which query parameters an endpoint takes."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Request

from webapp.errors import InvalidRequest

AnyRequest = Request[Any, Any, Any]
SHOWN_CHARACTERS: Final = 40


def only(*names: str) -> Callable[[AnyRequest], Awaitable[None]]:
    """A check before a list is read: it takes these parameters, each once, and refuses others.

    A filter that is misspelt, and so not heeded, would give more than was asked for, and nobody would know.
    """
    known = frozenset(names)
    said = f"it takes {', '.join(names)}" if names else "it takes none"

    # Not async, it would run in a thread, at the cost of the whole answer.
    async def check(request: AnyRequest) -> None:
        if not request.scope["query_string"]:
            return
        seen = set[str]()
        for name, _ in request.query_params.multi_items():
            shown = name[:SHOWN_CHARACTERS]
            if name not in known:
                raise InvalidRequest(f"This list has no parameter `{shown}`; {said}", field=shown)
            if name in seen:
                raise InvalidRequest(f"`{shown}` was given more than once", field=shown)
            seen.add(name)

    return check
