"""JSON answers that are put together once and given to everybody who asks."""

from collections.abc import Callable, Hashable, Mapping
from typing import Generic, TypeVar

import msgspec
from litestar import Response
from litestar.enums import MediaType
from litestar.response.base import ASGIResponse

State = TypeVar("State")
Body = TypeVar("Body")


class PreparedJson(Response[Body]):
    """An answer that is ready to be sent, any number of times; nothing in it belongs to one request."""

    def __init__(self, content: Body, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content)
        self._answer = ASGIResponse(
            body=msgspec.json.encode(content), media_type=MediaType.JSON, headers=dict(headers or {})
        )

    def to_asgi_response(self, *_: object, **__: object) -> ASGIResponse:
        return self._answer


class Prepare(Generic[State, Body]):
    """Makes the answer that tells a state; while a key's state is the same object, so is its answer."""

    def __init__(self, body_of: Callable[[State], Body], *, capacity: int = 1) -> None:
        self._body_of = body_of
        self._capacity = capacity
        self._answers: dict[Hashable, tuple[State, PreparedJson[Body]]] = {}

    def __call__(
        self,
        state: State,
        key: Hashable = None,
        headers_of: Callable[[], Mapping[str, str]] | None = None,
    ) -> PreparedJson[Body]:
        """The answer that tells `state`; its headers depend on nothing but state and key."""
        known = self._answers.get(key)
        if known is not None and known[0] is state:
            return known[1]
        answer = PreparedJson(self._body_of(state), headers_of() if headers_of else None)
        self._answers.pop(key, None)
        if len(self._answers) >= self._capacity:
            del self._answers[next(iter(self._answers))]
        self._answers[key] = state, answer
        return answer
