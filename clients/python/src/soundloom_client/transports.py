"""The two ways of taking a flow's steps: one waits, one awaits. What is the same for both is elsewhere."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing
from typing import Any, Final, TypeVar

import httpx

from soundloom_client.calls import Call, Emit, Flow, Pause, Read, Reply, Send, Walk
from soundloom_client.errors import Unreachable

T = TypeVar("T")
# A quiet stream of events has a sign of life every ten seconds, so that silence means a broken connection.
TIMEOUT: Final = httpx.Timeout(60, connect=10)
PATIENT: Final = httpx.Timeout(None, connect=10)


class Waiting:
    """Takes the steps of flows, one after the other."""

    def __init__(self, http: httpx.Client, sleep: Callable[[float], object]) -> None:
        self._http = http
        self._sleep = sleep

    def run(self, flow: Flow[T]) -> T:
        """Take a flow to its end; return what it returns."""
        walk = Walk(flow)
        for _ in self._emitted(walk):
            pass
        return walk.result

    def each(self, flow: Flow[None]) -> Iterator[Any]:
        """Give what a flow emits. The connection is closed when the iterator is."""
        return self._emitted(Walk(flow))

    def _emitted(self, walk: Walk[T]) -> Iterator[Any]:
        with closing(walk), closing(_Answer(self._http)) as answer:
            while (step := walk.next()) is not None:
                if isinstance(step, Emit):
                    yield step.value
                    walk.answer(None)
                    continue
                try:
                    walk.answer(self._taken(step, answer))
                except httpx.RequestError as error:
                    walk.fail(_unreachable(error))

    def _taken(self, step: Send | Read | Pause, answer: "_Answer") -> object:
        match step:
            case Send(call):
                return answer.to(_request(self._http, call), is_streamed=call.is_streamed)
            case Read():
                return next(answer.pieces, b"")
            case Pause(seconds):
                answer.close()
                self._sleep(seconds)
                return None


class _Answer:
    """The answer that a flow reads."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self.pieces: Iterator[bytes] = iter(())

    def to(self, request: httpx.Request, *, is_streamed: bool) -> Reply:
        self.close()
        self._response = response = self._http.send(request, stream=True, follow_redirects=is_streamed)
        if is_streamed and response.status_code < 400:
            self.pieces = response.iter_bytes()
            return _reply(response, b"")
        return _reply(response, response.read())

    def close(self) -> None:
        if self._response is not None:
            self._response.close()


class Awaiting:
    """Takes the steps of flows on an event loop."""

    def __init__(self, http: httpx.AsyncClient, sleep: Callable[[float], Awaitable[object]]) -> None:
        self._http = http
        self._sleep = sleep

    async def run(self, flow: Flow[T]) -> T:
        """Take a flow to its end; return what it returns."""
        walk = Walk(flow)
        async with aclosing(self._emitted(walk)) as emitted:
            async for _ in emitted:
                pass
        return walk.result

    def each(self, flow: Flow[None]) -> AsyncGenerator[Any, None]:
        """Give what a flow emits. The connection is closed when the iterator is."""
        return self._emitted(Walk(flow))

    async def _emitted(self, walk: Walk[T]) -> AsyncGenerator[Any, None]:
        with closing(walk):
            async with aclosing(_AsyncAnswer(self._http)) as answer:
                while (step := walk.next()) is not None:
                    if isinstance(step, Emit):
                        yield step.value
                        walk.answer(None)
                        continue
                    try:
                        walk.answer(await self._taken(step, answer))
                    except httpx.RequestError as error:
                        walk.fail(_unreachable(error))

    async def _taken(self, step: Send | Read | Pause, answer: "_AsyncAnswer") -> object:
        match step:
            case Send(call):
                return await answer.to(_request(self._http, call), is_streamed=call.is_streamed)
            case Read():
                return await anext(answer.pieces, b"")
            case Pause(seconds):
                await answer.aclose()
                await self._sleep(seconds)
                return None


class _AsyncAnswer:
    """The answer that a flow reads."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http
        self._response: httpx.Response | None = None
        self.pieces: AsyncIterator[bytes] = _nothing()

    async def to(self, request: httpx.Request, *, is_streamed: bool) -> Reply:
        await self.aclose()
        self._response = response = await self._http.send(request, stream=True, follow_redirects=is_streamed)
        if is_streamed and response.status_code < 400:
            self.pieces = response.aiter_bytes()
            return _reply(response, b"")
        return _reply(response, await response.aread())

    async def aclose(self) -> None:
        if self._response is not None:
            await self._response.aclose()


async def _nothing() -> AsyncIterator[bytes]:
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


def _request(http: httpx.Client | httpx.AsyncClient, call: Call) -> httpx.Request:
    return http.build_request(
        call.method,
        call.url,
        headers=dict(call.headers),
        params=dict(call.params) or None,
        json=call.body,
        timeout=PATIENT if call.is_patient else TIMEOUT,
    )


def _reply(response: httpx.Response, content: bytes) -> Reply:
    return Reply(response.status_code, dict(response.headers), content)


def _unreachable(error: httpx.RequestError) -> Unreachable:
    at = error.request.url
    unreachable = Unreachable(f"{at.scheme}://{at.netloc.decode()}/ does not answer")
    unreachable.__cause__ = error
    return unreachable
