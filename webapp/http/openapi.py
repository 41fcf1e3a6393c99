"""The handlers' additions to the API's description: bodies they read themselves, errors they answer with."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, cast

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.spec import (
    Example,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Parameter,
    RequestBody,
    Responses,
    Schema,
)
from msgspec import Meta

from webapp.http.errors import CHALLENGE, PROBLEM_JSON
from webapp.http.streams.sse import EVENT_STREAM

PRINTABLE: Final = "^[ -~]*$"
BEARER_SECURITY: Final[list[dict[str, list[str]]]] = [{"bearer": []}]
# Beside the token that the controller asks for.
SESSION_SECURITY: Final[list[dict[str, list[str]]]] = [{"session": []}]

DESCRIPTIONS: Final = {
    400: "The body, one of its fields or a parameter is wrong; lists refuse parameters that they lack.",
    401: "No valid token, or a wrong username or password.",
    403: "The account may not do this.",
    404: "There is no such thing.",
    408: "The body did not arrive in time.",
    409: "It clashes with what is already there.",
    412: "`If-Match` or `If-Unmodified-Since` names another version.",
    413: "The body is over 64 KiB.",
    415: "The body is not JSON, or is encoded.",
    416: "The range lies outside the file.",
    422: "The idempotency key was used with another body.",
    429: "A limit was reached; `Retry-After` says when to try again.",
    500: "Something went wrong on the server; the log has more under `error_id`.",
    503: "A part of the service is away or full for now.",
    507: "There is no room for another sound.",
}


class ProblemDetails(msgspec.Struct, frozen=True, omit_defaults=True):
    """An error (RFC 9457), with its exact text in `error`."""

    type: Annotated[str, Meta(examples=["about:blank"])]
    title: Annotated[str, Meta(description="The name of the status code.", examples=["Bad Request"])]
    status: Annotated[int, Meta(examples=[400])]
    detail: Annotated[str, Meta(description="The text of `error`, and what can be done where that helps.")]
    error: Annotated[str, Meta(description="What went wrong, in plain words.")]
    field: Annotated[str, Meta(description="The field it is about, if it is about one.")] | None = None
    error_id: (
        Annotated[str, Meta(description="For a 500: the id of the error in the server's log.")] | None
    ) = None


def problems(*statuses: int) -> dict[int, ResponseSpec]:
    """The `responses` of a handler that may answer with these errors, and with 500 like any other."""
    return {
        status: ResponseSpec(
            ProblemDetails,
            generate_examples=False,
            description=DESCRIPTIONS[status],
            media_type=PROBLEM_JSON,
        )
        for status in (*statuses, 500)
    }


def header(description: str, example: str | int, kind: OpenAPIType = OpenAPIType.STRING) -> OpenAPIHeader:
    """A header of an answer."""
    return OpenAPIHeader(description=description, schema=Schema(type=kind, examples=[example]))


LOCATION: Final = header("Where the job is.", "/job/a1b2c3d4e5f6")
PREFERENCE_APPLIED: Final = header(
    "The preference as it was heeded, if it was; at most `wait=45`.", "wait=45"
)
RETRY_AFTER: Final = header("Seconds until another try may succeed.", 60, OpenAPIType.INTEGER)
RATE_LIMITS: Final = {
    "RateLimit": header("What is left of each limit, and seconds until there is more.", '"hour";r=2;t=1800'),
    "RateLimit-Policy": header("Each limit, and its window in seconds.", '"hour";q=3;w=3600'),
}
HEADERS_OF_STATUS: Final[dict[str, dict[str, OpenAPIHeader]]] = {
    "401": {"WWW-Authenticate": header("How to authenticate.", CHALLENGE)},
    "429": {"Retry-After": RETRY_AFTER},
    "503": {"Retry-After": RETRY_AFTER},
}

# One event; the answer is a sequence of them, in the form of the HTML standard.
EVENTS: Final = {
    EVENT_STREAM: Schema(
        type=OpenAPIType.OBJECT,
        required=["data", "event"],
        properties={
            "event": Schema(type=OpenAPIType.STRING, description="The event's name."),
            "data": Schema(
                type=OpenAPIType.STRING, description="JSON.", content_media_type="application/json"
            ),
            "id": Schema(type=OpenAPIType.STRING),
            "retry": Schema(description="Milliseconds after which to reconnect."),
        },
    )
}

TELL_WRONG_TOKENS: Final = {"401", "429"}

IDEMPOTENCY_KEY: Final = Parameter(
    name="Idempotency-Key",
    param_in="header",
    description="A name for this request. Under one key it is carried out once in 24 hours, and answered as"
    " the first time.",
    schema=Schema(type=OpenAPIType.STRING, min_length=1, max_length=255, pattern=PRINTABLE),
    examples={"uuid": Example(value="6f1b1f0e-6b53-4c0c-9d0a-6b2f9f0c2a11")},
)
LAST_EVENT_ID: Final = Parameter(
    name="Last-Event-ID",
    param_in="header",
    description="The `id` of the last event that was seen, as an `EventSource` sends it by itself.",
    schema=Schema(type=OpenAPIType.STRING),
    examples={"id": Example(value="9f86d081884c7d65")},
)
PREFER: Final = Parameter(
    name="Prefer",
    param_in="header",
    description="`wait=N`, 1 to 60: answer when the job has ended, or after N seconds and 45 at most.",
    schema=Schema(type=OpenAPIType.STRING),
    examples={"wait": Example(value="wait=1")},
)


def describes(
    *,
    reads: type[msgspec.Struct] | None = None,
    body_examples: Mapping[str, dict[str, Any]] | None = None,
    takes: Sequence[Parameter] = (),
    gives: Mapping[str, OpenAPIHeader] | None = None,
    content: Mapping[str, Schema] | None = None,
    is_limited: bool = False,
) -> type[Operation]:
    """The `operation_class` of a handler: what the framework cannot see in its signature.

    `reads`: the JSON body that it reads by itself. `takes`: headers it heeds. `gives`: headers of its
    success. `content`: what its success is, by media type, where that is no JSON. `is_limited`: it has a
    limit of its own, which every answer tells; otherwise only those that wrong tokens get tell theirs.
    """

    @dataclasses.dataclass
    class DescribedOperation(Operation):
        def __post_init__(self) -> None:
            if reads is not None:
                self.request_body = _request_body(reads, body_examples or {})
            if takes:
                self.parameters = [*(self.parameters or []), *takes]
            _describe_answers(self.responses or {}, gives or {}, content, is_limited=is_limited)

    return DescribedOperation


def reads(body: type[msgspec.Struct]) -> type[Operation]:
    """The `operation_class` of a handler that reads a JSON body of this form by itself."""
    return describes(reads=body, is_limited=True)


def _request_body(body: type[msgspec.Struct], examples: Mapping[str, dict[str, Any]]) -> RequestBody:
    media_type = OpenAPIMediaType(
        schema=_schema(msgspec.json.schema(body), body.__name__),
        examples={name: Example(value=value) for name, value in examples.items()} or None,
    )
    return RequestBody(content={"application/json": media_type}, required=True)


def _describe_answers(
    responses: Responses,
    gives: Mapping[str, OpenAPIHeader],
    content: Mapping[str, Schema] | None,
    *,
    is_limited: bool,
) -> None:
    # Where a handler has parameters, the framework adds a 400 in its own form, which is never sent.
    if "400" in responses and PROBLEM_JSON not in (_answer(responses, "400").content or {}):
        del responses["400"]
    for status in responses:
        answer = _answer(responses, status)
        headers = {
            **HEADERS_OF_STATUS.get(status, {}),
            **(RATE_LIMITS if is_limited or status in TELL_WRONG_TOKENS else {}),
        }
        if status.startswith("2"):
            headers |= gives
            _allow_several(answer)
            if content is not None:
                answer.content = {name: OpenAPIMediaType(schema=schema) for name, schema in content.items()}
        answer.headers = {**(answer.headers or {}), **headers}


def _allow_several(answer: OpenAPIResponse) -> None:
    """An answer that may have one of several forms may have the members of them all."""
    for media_type in (answer.content or {}).values():
        if isinstance(media_type.schema, Schema) and media_type.schema.one_of:
            media_type.schema.any_of, media_type.schema.one_of = media_type.schema.one_of, None


def _answer(responses: Responses, status: str) -> OpenAPIResponse:
    return cast("OpenAPIResponse", responses[status])


def _schema(described: dict[str, Any], name: str) -> Schema:
    """A JSON Schema in the framework's own terms."""
    definitions = described.get("$defs", {})
    return _converted(definitions.get(name, described), definitions)


_NAMES: Final = {field.metadata.get("alias", field.name): field.name for field in dataclasses.fields(Schema)}


def _converted(described: dict[str, Any], definitions: Mapping[str, dict[str, Any]]) -> Schema:
    """Convert a schema; what it refers to stands in its place."""
    if "$ref" in described:
        described = definitions[described["$ref"].rpartition("/")[2]]
    values = {_NAMES[key]: value for key, value in described.items()}
    if "properties" in values:
        values["properties"] = {
            name: _converted(value, definitions) for name, value in values["properties"].items()
        }
    if "any_of" in values:
        values["any_of"] = [_converted(value, definitions) for value in values["any_of"]]
    return Schema(**values)
