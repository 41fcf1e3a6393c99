"""Every error has one shape, and tells nothing it should not."""

import inspect
import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar, Response, get, post
from litestar.params import FromQuery

from webapp import errors
from webapp.errors import ProductError
from webapp.http.errors import STATUS_OF_ERROR, ErrorTranslator, Problem, describe, status_of
from webapp.http.middleware.access_log import AccessLog
from webapp.http.problem_codes import CODE_OF_ERROR, CODE_OF_STATUS, MEANINGS, anchor_of

SECRET = "the password of the database is hunter2"
HTML = {"accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def kinds(of: type[ProductError]) -> Iterator[type[ProductError]]:
    for kind in of.__subclasses__():
        yield kind
        yield from kinds(kind)


class Unforeseen(Exception):
    """What nobody wrote a text for."""


class Custom(errors.NotFound):
    """A later, more special kind of a known error."""


@get("/api/fails")
async def fails() -> None:
    raise Unforeseen(SECRET)


@get("/api/wants-number")
async def wants_number(limit: FromQuery[int]) -> int:
    return limit


@get("/page", opt={"page": True})
async def page() -> None:
    raise errors.NotFound("No such sound")


@post("/api/full")
async def full() -> None:
    raise errors.QueueFull(retry_after_s=17)


@get("/api/tired")
async def tired() -> None:
    raise errors.LimitReached("Rate limit exceeded", retry_after_s=90)


@get("/api/private")
async def private() -> None:
    raise errors.AuthenticationRequired


@get("/api/special")
async def special() -> None:
    raise Custom("Gone")


@post("/api/field")
async def wrong_field() -> None:
    raise errors.InvalidRequest("Prompt is required", field="prompt")


def html_page(_request: object, problem: Problem) -> Response[str]:
    return Response(f"<h1>{problem.text}</h1>", status_code=problem.status, media_type="text/html")


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    app = Litestar(
        [fails, wants_number, page, full, tired, private, special, wrong_field],
        exception_handlers={Exception: ErrorTranslator(html_page)},
        logging_config=None,
        openapi_config=None,
    )
    app.asgi_handler = AccessLog(app.asgi_handler)
    transport = httpx.ASGITransport(cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


def assert_problem(answer: httpx.Response, status: int, text: str) -> dict[str, Any]:
    """The one shape of every error."""
    body: dict[str, Any] = answer.json()
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["error"] == body["detail"] == text
    assert (body["status"], body["type"]) == (status, f"/docs#{anchor_of(body['code'])}")
    assert body["code"] in MEANINGS
    assert body["title"]
    return body


def test_every_product_error_has_a_status_of_its_own() -> None:
    declared = {kind for kind in kinds(ProductError) if kind.__module__ == errors.__name__}
    assert declared == set(STATUS_OF_ERROR)


def test_every_product_error_has_a_code() -> None:
    declared = {kind for kind in kinds(ProductError) if kind.__module__ == errors.__name__}
    # A compressed body is a special case of a body that cannot be read.
    assert declared - CODE_OF_ERROR.keys() == {errors.EncodedBody}
    assert {*CODE_OF_ERROR.values(), *CODE_OF_STATUS.values()} <= MEANINGS.keys()


def test_a_special_kind_of_an_error_answers_like_its_parent() -> None:
    assert status_of(Custom) == 404


def made(kind: type[ProductError]) -> ProductError:
    if issubclass(kind, errors.LimitReached):
        return kind("Exactly this", retry_after_s=1)
    # Some kinds have words of their own and take none.
    takes_words = "message" in inspect.signature(kind).parameters
    return kind("Exactly this") if takes_words else kind()  # type: ignore[call-arg]


@pytest.mark.parametrize("kind", list(STATUS_OF_ERROR))
def test_a_product_error_is_told_in_its_own_words(kind: type[ProductError]) -> None:
    error = made(kind)
    problem = describe(error)
    assert (problem.status, problem.text) == (STATUS_OF_ERROR[kind], error.message)
    # A failure of ours is found in the log by its id; a refusal needs none.
    assert (problem.error_id is None) == (problem.status < 500 or problem.status in (503, 507))


async def test_an_unforeseen_error_shows_an_id_that_is_in_the_log_and_nothing_else(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.get("/api/fails")
    body = assert_problem(answer, 500, "Something went wrong on the server")
    assert "hunter2" not in answer.text
    assert body["error_id"] == answer.headers["x-request-id"]
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [body["error_id"] in record.getMessage() for record in logged] == [True]
    assert logged[0].exc_info is not None
    assert logged[0].exc_info[0] is Unforeseen


async def test_the_frameworks_own_refusals_have_the_same_shape(client: httpx.AsyncClient) -> None:
    assert_problem(await client.get("/api/nothing"), 404, "Not found")
    wrong = await client.delete("/api/full")
    assert_problem(wrong, 405, "Method not allowed")
    assert wrong.headers["allow"] == "OPTIONS, POST"
    body = assert_problem(await client.get("/api/wants-number?limit=many"), 400, "`limit` is not valid")
    assert body["field"] == "limit"


async def test_headers_that_errors_owe(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/full")).headers["retry-after"] == "17"
    assert (await client.get("/api/tired")).headers["retry-after"] == "90"
    assert (await client.get("/api/private")).headers["www-authenticate"].startswith("Bearer")
    assert "retry-after" not in (await client.get("/api/special")).headers


async def test_a_wrong_field_is_named(client: httpx.AsyncClient) -> None:
    assert assert_problem(await client.post("/api/field"), 400, "Prompt is required")["field"] == "prompt"


async def test_html_is_for_pages_and_for_people_only(client: httpx.AsyncClient) -> None:
    shown = await client.get("/page", headers=HTML)
    assert (shown.status_code, shown.text) == (404, "<h1>No such sound</h1>")
    assert (await client.get("/nowhere", headers=HTML)).text == "<h1>Not found</h1>"
    assert_problem(await client.get("/page"), 404, "No such sound")
    assert_problem(await client.get("/page", headers={"accept": "application/json"}), 404, "No such sound")
    assert_problem(await client.get("/api/special", headers=HTML), 404, "Gone")
    assert_problem(await client.get("/api/nowhere", headers=HTML), 404, "Not found")
