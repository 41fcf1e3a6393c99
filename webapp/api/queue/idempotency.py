"""The `Idempotency-Key` header: which earlier request a request may be the repetition of."""

import json
import re
from typing import Any, Final, TypeVar

from litestar import Request

from webapp.errors import InvalidRequest
from webapp.services.accounts.identity import Identity
from webapp.services.shared.facade import SharedServices
from webapp.services.shared.idempotency import Once

HEADER: Final = "idempotency-key"
# A string of RFC 9651, which is how the header's draft has the key. Its parameters mean nothing.
_TEXT: Final = r'"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*+)"'
_STRING: Final = re.compile(rf"""{_TEXT}(?:;\x20*+[a-z*][a-z0-9_.*-]*+(?:=(?:{_TEXT}|[^\s";,()]++))?)*+""")
_ESCAPED: Final = re.compile(r"\\(.)")

Answer = TypeVar("Answer")


def once_under_key(
    request: Request[Any, Any, Any],
    shared: SharedServices,
    identity: Identity,
    answer_type: type[Answer],
    body: dict[str, Any] | None = None,
) -> Once[Answer] | None:
    """The request under its key; None when it has none. Raises InvalidRequest for a key that is none.

    Bodies are the same when their members are: their order and the space between them mean nothing.
    """
    keys = request.headers.getall(HEADER, [])
    if not keys:
        return None
    if len(keys) > 1:
        raise InvalidRequest("Idempotency-Key came more than once", field="Idempotency-Key")
    said = json.dumps([request.method, request.url.path, body], sort_keys=True)
    return shared.idempotency.once(identity.account_id, key_of(keys[0]), said.encode(), answer_type)


def key_of(value: str) -> str:
    """The key that a header's value means: `"k"`, a string in the header's own terms, is `k`."""
    string = _STRING.fullmatch(value.strip())
    return _ESCAPED.sub(r"\1", string[1]) if string else value
