"""One line about each request, and what it must not hold."""

import logging
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, get
from litestar.params import FromPath

from webapp.http.middleware.access_log import AccessLog
from webapp.logs import ACCESS_LOGGER, request_id


@get("/audio/{name:str}")
async def audio(name: FromPath[str]) -> str:
    return request_id.get()


@pytest.fixture
def client() -> httpx.AsyncClient:
    app = Litestar([audio], openapi_config=None)
    app.asgi_handler = AccessLog(app.asgi_handler)
    transport = httpx.ASGITransport(cast("Any", app))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost")


async def line(client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture, path: str) -> str:
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    await client.get(path)
    return own_lines(caplog)[-1].getMessage()


def own_lines(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.name == ACCESS_LOGGER]


async def test_the_line_tells_method_path_and_status(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert await line(client, caplog, "/audio/x.wav") == "GET /audio/x.wav 200"
    assert cast("Any", own_lines(caplog)[-1]).ms >= 0
    assert await line(client, caplog, "/nothing") == "GET /nothing 404"


async def test_no_query_no_file_id_and_no_second_line(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert await line(client, caplog, "/audio/x.wav?token=s3cret") == "GET /audio/x.wav 200"
    told = await line(client, caplog, "/audio/0123456789abcdef0123.wav")
    assert told == "GET /audio/0123….wav 200"
    assert "\n" not in await line(client, caplog, "/a%0AGET%20/forged%20200")
    assert len(await line(client, caplog, "/" + "x" * 5000)) < 250


async def test_every_answer_has_an_id_of_ours(client: httpx.AsyncClient) -> None:
    first = await client.get("/audio/x", headers={"x-request-id": "mine"})
    second = await client.get("/audio/x")
    assert first.text == first.headers["x-request-id"] != "mine"
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
