"""Reading JSON bodies strictly."""

import json
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Request, Response, post
from litestar.datastructures import Headers

from webapp.errors import InvalidRequest, PayloadTooLarge, ProductError, UnsupportedMediaType
from webapp.http.errors import status_of
from webapp.http.requests.body import is_json, parse_json_object, read_json_object

JSON = {"content-type": "application/json"}


@post("/")
async def echo(request: Request[Any, Any, Any]) -> dict[str, Any]:
    return await read_json_object(request)


def _as_text(_request: Request[Any, Any, Any], error: ProductError) -> Response[str]:
    return Response(error.message, status_code=status_of(type(error)), media_type="text/plain")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar([echo], exception_handlers={ProductError: _as_text}, openapi_config=None)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)), base_url="http://localhost"
    ) as client:
        yield client


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "Request body is empty"),
        (b" \r\n", "Request body is empty"),
        (b"{", "Request body is not valid JSON"),
        (b"{} {}", "Request body is not valid JSON"),
        (b"{'a': 1}", "Request body is not valid JSON"),
        (b'{"a": NaN}', "Request body is not valid JSON"),
        (b'{"a": -Infinity}', "Request body is not valid JSON"),
        (b'{"a": "\xff"}', "Request body is not valid JSON"),
        (b'\xef\xbb\xbf{"a": 1}', "Request body is not valid JSON"),
        ('{"a": 1}'.encode("utf-16"), "Request body is not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "Request body is not valid JSON"),
        (b'"text"', "Request body must be a JSON object"),
        (b"[]", "Request body must be a JSON object"),
        (b"null", "Request body must be a JSON object"),
        (b'{"a": 1, "a": 2}', "Request body has the same name twice"),
        (b'{"a": 1, "\\u0061": 2}', "Request body has the same name twice"),
        (b'{"b": [{"a": 1, "a": 1}]}', "Request body has the same name twice"),
        (b"[" * 60_000, "Request body is nested too deeply"),
        (b'{"a": ' * 33 + b"1" + b"}" * 33, "Request body is nested too deeply"),
        (b'{"a": "' + b"[" * 40, "Request body is not valid JSON"),
        (b'{"a": "\\', "Request body is not valid JSON"),
    ],
)
def test_what_is_refused(body: bytes, text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        parse_json_object(body)
    assert refusal.value.message == text


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"prompt": '\N{HOT BEVERAGE} \\ " [[[ {{{ \\\\'},
        {"a": {"a": [1, 2.5, None, True]}},
        {"deep": json.loads("[" * 31 + "]" * 31)},
        {"brackets in text": "[" * 100},
    ],
)
def test_what_is_read(value: dict[str, Any]) -> None:
    assert parse_json_object(json.dumps(value).encode()) == value
    assert parse_json_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_a_number_too_large_is_left_to_the_checks_of_fields() -> None:
    assert parse_json_object(b'{"duration": 1e400}') == {"duration": float("inf")}


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=UTF-8", True),
        ('application/json;charset="utf-8"', True),
        ("application/json; charset=latin-1", False),
        ("application/json; version=1", True),
        ("application/jsonp", False),
        ("application/problem+json", False),
        ("text/json", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_what_counts_as_json(content_type: str, expected: bool) -> None:
    assert is_json(content_type) is expected


async def test_an_object_is_read(client: httpx.AsyncClient) -> None:
    answer = await client.post("/", content=b'{"a": 1}', headers=JSON)
    assert (answer.status_code, answer.json()) == (201, {"a": 1})


async def test_pieces_are_put_together(client: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b'{"a"', b": ", b"1}"):
            yield piece

    answer = await client.post("/", content=pieces(), headers=JSON)
    assert answer.json() == {"a": 1}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", {"content-type": "text/plain"}, 415),
        (b"", {"content-type": "text/plain"}, 415),
        (b"{}", {}, 415),
        (b"", {}, 400),
        (b"", JSON, 400),
        (b'{"a": "' + b"x" * (64 * 1024 - 9) + b'"}', JSON, 201),
        (b'{"a": "' + b"x" * (64 * 1024 - 8) + b'"}', JSON, 413),
        (b"x" * (64 * 1024 + 1), {"content-type": "text/plain"}, 413),
        (b"{}", {**JSON, "content-encoding": "gzip"}, 415),
        (b"{}", {**JSON, "content-encoding": "identity, br"}, 415),
        (b"{}", {**JSON, "content-encoding": "Identity"}, 201),
        (b"{}", {**JSON, "content-encoding": ""}, 201),
    ],
)
async def test_which_answer_it_gets(
    client: httpx.AsyncClient, content: bytes, headers: dict[str, str], status: int
) -> None:
    assert (await client.post("/", content=content, headers=headers)).status_code == status


class FakeRequest:
    """A request whose body comes as the given messages; asking for more fails the test."""

    def __init__(self, headers: dict[str, str], *messages: dict[str, Any]) -> None:
        self.headers = Headers(headers)
        self.messages = list(messages)

    async def receive(self) -> dict[str, Any]:
        return self.messages.pop(0)


async def _read(request: FakeRequest) -> dict[str, Any]:
    return await read_json_object(cast("Request[Any, Any, Any]", request))


async def test_an_announced_length_is_refused_before_anything_is_read() -> None:
    with pytest.raises(PayloadTooLarge, match="Request body is too large"):
        await _read(FakeRequest({**JSON, "content-length": "65537"}))


async def test_another_content_type_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UnsupportedMediaType, match="Content-Type must be application/json"):
        await _read(FakeRequest({"content-type": "text/plain", "content-length": "2"}))


async def test_reading_ends_where_the_limit_is_passed() -> None:
    piece = {"type": "http.request", "body": b"x" * 40_000, "more_body": True}
    with pytest.raises(PayloadTooLarge):
        await _read(FakeRequest(JSON, piece, piece))


async def test_a_client_that_leaves_is_not_a_failure_of_ours() -> None:
    piece = {"type": "http.request", "body": b'{"a"', "more_body": True}
    with pytest.raises(InvalidRequest):
        await _read(FakeRequest(JSON, piece, {"type": "http.disconnect"}))
