"""JSON answers that are put together once and given to everybody who asks."""

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse

State = TypeVar("State")
Body = TypeVar("Body")


class PreparedJson(Response[Body]):
    """An answer that is ready to be sent, any number of times; nothing in it belongs to one request."""

    def __init__(self, content: Body) -> None:
        super().__init__(content)
        self._answer = ASGIResponse(body=msgspec.json.encode(content), media_type=MediaType.JSON)

    def to_asgi_response(self, *_: object, **__: object) -> ASGIResponse:
        return self._answer


class Prepare(Generic[State, Body]):
    """Makes the answer that tells a state; while it is given the same object, it gives the same answer."""

    def __init__(self, body_of: Callable[[State], Body]) -> None:
        self._body_of = body_of
        self._last: tuple[State, PreparedJson[Body]] | None = None

    def __call__(self, state: State) -> PreparedJson[Body]:
        if self._last is None or self._last[0] is not state:
            self._last = state, PreparedJson(self._body_of(state))
        return self._last[1]
