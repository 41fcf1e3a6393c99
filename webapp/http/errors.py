"""The one place where errors become answers: status, text and headers (RFC 9457)."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.types import Send

from webapp import errors
from webapp.errors import (
    DatabaseAway,
    EncodedBody,
    InvalidRequest,
    LimitReached,
    ProductError,
    QueueFull,
    StorageAway,
    Unavailable,
)
from webapp.http.middleware.prefix import public_path
from webapp.http.problem_codes import anchor_of, code_of, code_of_status
from webapp.http.rate_limit import announce_refusal
from webapp.http.requests.accept import prefers_html
from webapp.http.status_phrases import phrase_of
from webapp.logs import request_id

PROBLEM_JSON: Final = "application/problem+json"
CHALLENGE: Final = 'Bearer realm="Soundloom"'

STATUS_OF_ERROR: Final[dict[type[ProductError], int]] = {
    errors.InvalidRequest: 400,
    errors.UnknownHost: 400,
    errors.AuthenticationRequired: 401,
    errors.NotAuthorized: 403,
    errors.ForeignPage: 403,
    errors.NotFound: 404,
    errors.BodyTimeout: 408,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.PayloadTooLarge: 413,
    errors.AddressTooLong: 414,
    errors.UnsupportedMediaType: 415,
    errors.EncodedBody: 415,
    errors.KeyReused: 422,
    errors.LimitReached: 429,
    errors.QueueFull: 503,
    errors.StorageFull: 507,
    errors.SpeechFailed: 500,
    errors.GenerationFailed: 500,
    errors.Unavailable: 503,
}

# The framework's own refusals, in our words.
TEXT_OF_STATUS: Final[dict[int, str]] = {
    400: "The request is not valid",
    401: "Authentication required",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    413: "Request body is too large",
    415: "Content type is not supported",
    429: "Rate limit exceeded",
    503: "Service unavailable",
}
TEXT_OF_FAILURE: Final = "Something went wrong on the server"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as the client is told. `error_id` is set for failures of ours, and is in the log."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)
    field_name: str | None = None
    error_id: str | None = None
    advice: str | None = None
    named_code: str | None = None

    @property
    def code(self) -> str:
        """The error's name for programs."""
        return self.named_code or code_of_status(self.status)

    @property
    def title(self) -> str:
        return phrase_of(self.status)

    def body(self) -> bytes:
        """The RFC 9457 members, `code`, and `error`: the exact text of the contract."""
        detail = f"{self.text}. {self.advice}" if self.advice else self.text
        members: dict[str, str | int] = {
            "type": public_path(f"/docs#{anchor_of(self.code)}"),
            "code": self.code,
            "title": self.title,
            "status": self.status,
            "detail": detail,
            "error": self.text,
        }
        if self.field_name:
            members["field"] = self.field_name
        if self.error_id:
            members["error_id"] = self.error_id
        return msgspec.json.encode(members)


@dataclass(frozen=True, slots=True)
class ShapedProblem:
    """An error in the form that another vendor's clients read."""

    status: int
    body: bytes


# A handler's `opt` names the shape of its errors under this key, where it is not ours.
PROBLEM_SHAPE: Final = "problem_shape"
ProblemShape = Callable[[Problem], ShapedProblem]
HtmlErrorPage = Callable[[Request[Any, Any, Any], Problem], Response[str]]


def describe(error: BaseException) -> Problem:
    """The problem that an exception amounts to. Nothing of an unexpected one is told but an id."""
    match error:
        case ProductError():
            return _of_product_error(error)
        case DatabaseAway():
            logger.error("the database is away: %s", error.reason or error.__cause__)
            return Problem(503, error.message, {"Retry-After": str(error.retry_after_s)})
        case StorageAway():
            logger.error("the storage is away: %s", error.reason)
            return Problem(503, error.message, {"Retry-After": str(error.retry_after_s)})
        case HTTPException() if error.status_code < 500:
            return _of_framework_error(error)
        case _:
            return Problem(500, TEXT_OF_FAILURE, error_id=request_id.get())


def status_of(kind: type[ProductError]) -> int:
    """The status code for a kind of product error: its own or its nearest ancestor's."""
    return next(STATUS_OF_ERROR[ancestor] for ancestor in kind.__mro__ if ancestor in STATUS_OF_ERROR)


def _of_product_error(error: ProductError) -> Problem:
    status = status_of(type(error))
    headers: dict[str, str] = {}
    if isinstance(error, LimitReached | QueueFull | Unavailable):
        headers["Retry-After"] = str(error.retry_after_s)
    if status == 401:
        headers["WWW-Authenticate"] = CHALLENGE
    if isinstance(error, EncodedBody):
        headers["Accept-Encoding"] = "identity"
    return Problem(
        status,
        error.message,
        headers,
        field_name=error.field if isinstance(error, InvalidRequest) else None,
        error_id=request_id.get() if status == 500 else None,
        advice=error.advice,
        named_code=code_of(error),
    )


def _of_framework_error(error: HTTPException) -> Problem:
    status = error.status_code
    headers = dict(error.headers or {})
    if status == 401:
        headers.setdefault("WWW-Authenticate", CHALLENGE)
    name = _wrong_parameter(error) if isinstance(error, ValidationException) else None
    text = f"`{name}` is not valid" if name else TEXT_OF_STATUS.get(status, phrase_of(status))
    return Problem(status, text, headers, name)


def _wrong_parameter(error: ValidationException) -> str | None:
    """The query parameter or header that the framework could not read, when it says which."""
    for entry in error.extra if isinstance(error.extra, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("key"), str):
            return str(entry["key"])
    return None


class ErrorTranslator:
    """Turns whatever a handler raises into an answer.

    HTML goes only to page routes and unknown addresses, and only where `Accept` prefers it.
    """

    def __init__(self, html_page: HtmlErrorPage) -> None:
        self._html_page = html_page

    def __call__(self, request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
        problem = describe(error)
        if isinstance(error, LimitReached):
            announce_refusal(request, error)
        if problem.status == 405:
            problem = Problem(405, problem.text, {"Allow": ", ".join(_allowed_methods(request))})
        if problem.error_id:
            logger.error("unexpected error %s", problem.error_id, exc_info=error)
        if (shape := _shape_of(request)) is not None:
            shaped = shape(problem)
            return Response(
                shaped.body,
                media_type="application/json",
                status_code=shaped.status,
                headers=dict(problem.headers),
            )
        if _is_for_people(request):
            response = self._html_page(request, problem)
            response.headers.update(problem.headers)
            return response
        return Response(
            problem.body(), media_type=PROBLEM_JSON, status_code=problem.status, headers=dict(problem.headers)
        )


def _shape_of(request: Request[Any, Any, Any]) -> ProblemShape | None:
    handler: BaseRouteHandler | None = request.scope.get("route_handler")
    return None if handler is None else handler.opt.get(PROBLEM_SHAPE)


def _is_for_people(request: Request[Any, Any, Any]) -> bool:
    handler: BaseRouteHandler | None = request.scope.get("route_handler")
    is_page = (
        handler.opt.get("page", False)
        if handler is not None
        else not request.scope["path"].startswith("/api/")
    )
    return is_page and prefers_html(request.headers.get("accept", ""))


def _allowed_methods(request: Request[Any, Any, Any]) -> list[str]:
    """The methods that the path of a request does answer to, which a 405 must name."""
    path = request.scope["path"].rstrip("/") or "/"
    allowed = set[str]()
    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        try:
            request.app.asgi_router.handle_routing(path=path, method=method)
        except HTTPException:
            continue
        allowed.add(method)
    if "GET" in allowed:
        allowed.add("HEAD")
    return sorted(allowed | {"OPTIONS"})


async def send_problem(error: ProductError, send: Send) -> None:
    """Answer with a problem from a middleware, where no exception handler is around."""
    problem = describe(error)
    body = problem.body()
    headers = {"content-type": PROBLEM_JSON, "content-length": str(len(body)), **problem.headers}
    await send(
        {
            "type": "http.response.start",
            "status": problem.status,
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
