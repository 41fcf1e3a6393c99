"""HEAD gives the head of what GET gives."""

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import HttpMethod, Litestar, Request, Response, get, post, route

from webapp.http.errors import ErrorTranslator, Problem
from webapp.http.middleware.head_requests import HeadRequests
from webapp.http.streams.sse import EventStream, ServerEvent, StopSignal

closed: list[str] = []


@get("/read", sync_to_thread=False)
def read() -> dict[str, str]:
    return {"said": "many words"}


@post("/written", sync_to_thread=False)
def written() -> None:
    return None


@route("/own", http_method=[HttpMethod.GET, HttpMethod.HEAD], sync_to_thread=False)
def own(request: Request[Any, Any, Any]) -> str:
    return request.method


@get("/endless", sync_to_thread=False)
def endless() -> EventStream:
    async def events() -> AsyncGenerator[ServerEvent, None]:
        while True:
            yield ServerEvent("still going")

    return EventStream(events(), StopSignal(), on_close=lambda: closed.append("endless"))


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    def no_page(request: Request[Any, Any, Any], problem: Problem) -> Response[Any]:
        raise AssertionError(request, problem)

    app = Litestar(
        [read, written, own, endless],
        exception_handlers={Exception: ErrorTranslator(no_page)},
        openapi_config=None,
        logging_config=None,
    )
    app.asgi_handler = HeadRequests(app.asgi_handler, app)
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def test_the_head_of_what_get_answers_without_its_body(client: httpx.AsyncClient) -> None:
    whole, head = await client.get("/read"), await client.head("/read")
    assert (head.status_code, head.headers, head.content) == (200, whole.headers, b"")
    assert int(head.headers["content-length"]) == len(whole.content) > 0


async def test_a_handler_that_knows_head_answers_itself(client: httpx.AsyncClient) -> None:
    assert (await client.head("/own")).headers["content-length"] == str(len("HEAD"))


async def test_an_endless_answer_ends(client: httpx.AsyncClient) -> None:
    closed.clear()
    head = await client.head("/endless")
    assert head.headers["content-type"].startswith("text/event-stream")
    assert closed == ["endless"]


async def test_what_cannot_be_read_is_refused(client: httpx.AsyncClient) -> None:
    refused = await client.head("/written")
    assert (refused.status_code, refused.headers["allow"], refused.content) == (405, "OPTIONS, POST", b"")
    assert (await client.head("/nothing")).status_code == 404
    assert (await client.delete("/read")).headers["allow"] == "GET, HEAD, OPTIONS"
