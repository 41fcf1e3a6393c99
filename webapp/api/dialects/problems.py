"""Errors in the shapes that other vendors' clients read."""

from typing import Annotated, Final

import msgspec
from litestar.openapi.datastructures import ResponseSpec
from msgspec import Meta

from webapp.http.errors import Problem, ShapedProblem
from webapp.http.openapi import DESCRIPTIONS

# OpenAI's kinds of errors, by status; others of 500 and above are the server's.
_OPENAI_KINDS: Final = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_OPENAI_CODES: Final = {401: "invalid_api_key", 404: "not_found", 429: "rate_limit_exceeded"}
_ELEVENLABS_STATES: Final = {
    400: "invalid_request",
    401: "invalid_api_key",
    403: "missing_permissions",
    404: "not_found",
    409: "cancelled",
    413: "text_too_long",
    429: "too_many_requests",
    503: "system_busy",
    507: "quota_exceeded",
}


class OpenAIErrorMembers(msgspec.Struct, frozen=True):
    """The facts of an error."""

    message: Annotated[str, Meta(description="In plain words.")]
    type: Annotated[str, Meta(examples=["invalid_request_error"])]
    param: Annotated[str | None, Meta(description="The field it is about, if it is about one.")] = None
    code: Annotated[str | None, Meta(examples=["invalid_api_key"])] = None


class OpenAIError(msgspec.Struct, frozen=True):
    """An error as OpenAI's clients read it."""

    error: OpenAIErrorMembers


class ElevenLabsErrorMembers(msgspec.Struct, frozen=True):
    """The facts of an error."""

    status: Annotated[str, Meta(examples=["invalid_api_key"])]
    message: Annotated[str, Meta(description="In plain words.")]


class WrongField(msgspec.Struct, frozen=True):
    """A field that is wrong."""

    loc: Annotated[list[str], Meta(examples=[["body", "text"]])]
    msg: Annotated[str, Meta(description="In plain words.")]
    type: Annotated[str, Meta(examples=["value_error"])]


class ElevenLabsError(msgspec.Struct, frozen=True):
    """An error as ElevenLabs' clients read it; a 422 lists the fields that are wrong."""

    detail: ElevenLabsErrorMembers | list[WrongField]


def openai_problem(problem: Problem) -> ShapedProblem:
    """Return an error in OpenAI's shape."""
    usual = "server_error" if problem.status >= 500 else "invalid_request_error"
    members = OpenAIErrorMembers(
        message=_text(problem),
        type=_OPENAI_KINDS.get(problem.status, usual),
        param=problem.field_name,
        code=_OPENAI_CODES.get(problem.status),
    )
    return ShapedProblem(problem.status, msgspec.json.encode(OpenAIError(members)))


def elevenlabs_problem(problem: Problem) -> ShapedProblem:
    """Return an error in ElevenLabs' shape: a field that is wrong is a 422 there."""
    if problem.status == 400 and problem.field_name:
        fields = [WrongField(["body", problem.field_name], _text(problem), "value_error")]
        return ShapedProblem(422, msgspec.json.encode(ElevenLabsError(fields)))
    state = _ELEVENLABS_STATES.get(problem.status, "internal_error")
    members = ElevenLabsErrorMembers(state, _text(problem))
    return ShapedProblem(problem.status, msgspec.json.encode(ElevenLabsError(members)))


def shaped_problems(shape: type[msgspec.Struct], *statuses: int) -> dict[int, ResponseSpec]:
    """The `responses` of a handler whose errors have another shape."""
    return {
        status: ResponseSpec(
            shape, generate_examples=False, description=DESCRIPTIONS[status], media_type="application/json"
        )
        for status in (*statuses, 500)
    }


def _text(problem: Problem) -> str:
    text = f"{problem.text}. {problem.advice}" if problem.advice else problem.text
    return f"{text} (error {problem.error_id})" if problem.error_id else text
