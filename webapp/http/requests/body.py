"""Reading the bodies of requests, strictly: what two parsers could read differently is refused."""

import asyncio
import json
import re
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl

from litestar import Request

from webapp.errors import BodyTimeout, EncodedBody, InvalidRequest, PayloadTooLarge, UnsupportedMediaType

MAX_BODY_BYTES: Final = 64 * 1024
MAX_DEPTH: Final = 32
# No form of ours has half as many.
MAX_FORM_FIELDS: Final = 1_000
# For all of a body: 64 KiB at 35 kbit/s.
BODY_TIMEOUT_S: Final = 15.0
JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"

# A string, whole or cut off, in which nothing is looked at twice; or a bracket.
_STRING_OR_BRACKET: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{\]}]', re.DOTALL)


async def read_json_object(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """The body of a request as an object.

    Raises PayloadTooLarge for more than 64 KiB, before reading any of it where the length is announced;
    UnsupportedMediaType unless the content type is JSON, and for an encoded body; BodyTimeout for a body
    that does not end within 15 s; InvalidRequest for anything but one object.
    """
    check_head(request)
    content_type = request.headers.get("content-type")
    if content_type is not None and not is_json(content_type):
        raise _not_json()
    body = await _read(request)
    if content_type is None and body:
        raise _not_json()
    return parse_json_object(body)


async def read_form_fields(request: Request[Any, Any, Any]) -> list[tuple[str, str]]:
    """The fields of a plain form as they were sent, repeated ones as often.

    Raises what `read_json_object` raises, in the same cases.
    """
    check_head(request)
    content_type = request.headers.get("content-type", "")
    if content_type.partition(";")[0].strip().lower() != FORM:
        raise UnsupportedMediaType("Only forms are accepted here")
    body = await _read(request)
    try:
        return parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError as error:
        raise InvalidRequest("The form has too many fields") from error


def is_json(content_type: str) -> bool:
    """Return whether a Content-Type header announces JSON in UTF-8, the one encoding JSON has (RFC 8259)."""
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    charsets = {value.strip('" ') for name, _, value in pairs if name == "charset"}
    return media_type == JSON and charsets <= {"utf-8", "utf8"}


def parse_json_object(body: bytes) -> dict[str, Any]:
    """The object that `body` holds.

    Raises InvalidRequest for an empty or malformed body, for another kind of value, for NaN and
    infinities, for a name that comes twice in one object, and for more than 32 levels.
    """
    if not body.strip():
        raise InvalidRequest("Request body is empty")
    try:
        text = body.decode()
        _check_depth(text)
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except ValueError as error:
        raise _malformed() from error
    if not isinstance(value, dict):
        raise InvalidRequest("Request body must be a JSON object")
    return value


def check_head(
    request: Request[Any, Any, Any],
    *,
    most_bytes: int = MAX_BODY_BYTES,
    too_large: str = "Request body is too large",
) -> None:
    """Raise for a body that the head tells to be too large, or to be encoded."""
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and (len(announced) > 18 or int(announced) > most_bytes):
        raise PayloadTooLarge(too_large)
    codings = ",".join(request.headers.getall("content-encoding", [])).split(",")
    if any(coding.strip().lower() not in ("", "identity") for coding in codings):
        raise EncodedBody


async def _read(request: Request[Any, Any, Any]) -> bytes:
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _whole_body(request)
    except TimeoutError:
        raise BodyTimeout("Request body took too long to arrive") from None


async def _whole_body(request: Request[Any, Any, Any]) -> bytes:
    body = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise _malformed()
        if message["type"] != "http.request":
            continue
        body += message["body"]
        if len(body) > MAX_BODY_BYTES:
            raise _too_large()
        if not message["more_body"]:
            return bytes(body)


def _check_depth(text: str) -> None:
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        character = found[0]
        if character[0] == '"':
            continue
        depth += 1 if character in "[{" else -1
        if depth > MAX_DEPTH:
            raise InvalidRequest("Request body is nested too deeply")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise InvalidRequest("Request body has the same name twice")
    return members


def _refuse_constant(_name: str) -> NoReturn:
    raise _malformed()


def _malformed() -> InvalidRequest:
    return InvalidRequest("Request body is not valid JSON")


def _too_large() -> PayloadTooLarge:
    return PayloadTooLarge("Request body is too large")


def _not_json() -> UnsupportedMediaType:
    return UnsupportedMediaType("Content-Type must be application/json")
