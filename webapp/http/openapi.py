"""What handlers add to the description of the API: bodies they read themselves, errors they answer with."""

import dataclasses
from typing import Annotated, Any, Final

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import OpenAPIMediaType, Operation, RequestBody, Schema
from msgspec import Meta

from webapp.http.errors import PROBLEM_JSON

BEARER_SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}]

DESCRIPTIONS: Final = {
    400: "The body or one of its fields is wrong.",
    401: "No valid token, or a wrong username or password.",
    403: "The account may not do this.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "It clashes with what is already there.",
    413: "The body is over 64 KiB.",
    415: "The body is not JSON.",
    416: "The range lies outside the file.",
    422: "The idempotency key was used with another body.",
    429: "A limit was reached; `Retry-After` says when to try again.",
    503: "A part of the service is away or full for now.",
    507: "There is no room for another sound.",
}


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error (RFC 9457), with its exact text in `error`."""

    type: Annotated[str, Meta(examples=["about:blank"])]
    title: Annotated[str, Meta(description="The name of the status code.", examples=["Bad Request"])]
    status: Annotated[int, Meta(examples=[400])]
    detail: Annotated[str, Meta(description="The same text as `error`.")]
    error: Annotated[str, Meta(description="What went wrong, in plain words.")]
    field: Annotated[str, Meta(description="The field it is about, if it is about one.")] | None = None
    error_id: (
        Annotated[str, Meta(description="For a 500: the id of the error in the server's log.")] | None
    ) = None


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The `responses` of a handler that may answer with these errors."""
    return {
        status: ResponseSpec(
            ProblemDetails,
            generate_examples=False,
            description=DESCRIPTIONS[status],
            media_type=PROBLEM_JSON,
        )
        for status in statuses
    }


def reads(body: type[msgspec.Struct]) -> type[Operation]:
    """The `operation_class` of a handler that reads a JSON body of this form by itself."""

    @dataclasses.dataclass
    class ReadingOperation(Operation):
        def __post_init__(self) -> None:
            media_type = OpenAPIMediaType(schema=_schema(msgspec.json.schema(body), body.__name__))
            self.request_body = RequestBody(content={"application/json": media_type}, required=True)

    return ReadingOperation


def _schema(described: dict[str, Any], name: str) -> Schema:
    """A JSON Schema in the framework's own terms."""
    definitions = described.get("$defs", {})
    return _converted(definitions.get(name, described))


_NAMES: Final = {field.metadata.get("alias", field.name): field.name for field in dataclasses.fields(Schema)}


def _converted(described: dict[str, Any]) -> Schema:
    values = {_NAMES[key]: value for key, value in described.items()}
    if "properties" in values:
        values["properties"] = {name: _converted(value) for name, value in values["properties"].items()}
    if "any_of" in values:
        values["any_of"] = [_converted(value) for value in values["any_of"]]
    return Schema(**values)
