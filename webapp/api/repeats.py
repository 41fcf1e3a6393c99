"""The `Idempotency-Key` header: which earlier request a request may be the repetition of."""

import json
from typing import Any, Final, TypeVar

from litestar import Request

from webapp.errors import InvalidRequest
from webapp.services.container import Services
from webapp.services.idempotency import Once
from webapp.services.identity import Identity

HEADER: Final = "idempotency-key"

Answer = TypeVar("Answer")


def once_under_key(
    request: Request[Any, Any, Any],
    services: Services,
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
    return services.idempotency.once(identity.account_id, keys[0], said.encode(), answer_type)
