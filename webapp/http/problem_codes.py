"""The codes of errors: stable names for programs, each with what it means and what helps.

A code stands in `code` of a problem, and its address in `type` is a section of the page `/docs`.
"""

from typing import Final

from webapp import errors
from webapp.errors import ProductError

# What a code means, and what helps, in the words of the page.
MEANINGS: Final[dict[str, str]] = {
    "invalid_request": "A field, a parameter or the body is wrong. field names it where it is one field.",
    "duration_over_limit": "The sound would be longer than the account's tier allows. Ask for a shorter one.",
    "text_too_long": "The text is longer than can be spoken at once. Send it in parts.",
    "voice_not_found": "There is no such voice. GET /api/voices lists those that there are.",
    "job_processing": "The job is being generated already. POST /api/queue/{job_id}/stop ends it.",
    "job_not_queued": "The job has left the queue. GET /job/{job_id} tells how it ended.",
    "job_already_skipped": "The job was moved to the front before. Nothing was charged.",
    "insufficient_aura": "The account has less Aura than this costs. Nothing was charged.",
    "unknown_host": "The server does not answer to this host name. The operator sets the names.",
    "authentication_required": "There is no valid token. Get one from POST /api/auth/token.",
    "not_authorized": "The account may not do this.",
    "foreign_page": "The form did not come from a page of this server.",
    "not_found": "There is no such thing, or not for this account.",
    "method_not_allowed": "The address answers to other methods, which Allow names.",
    "body_timeout": "The body did not arrive in time. Send it again.",
    "conflict": "The request clashes with what is there. error says with what.",
    "precondition_failed": "What is there is not the version that the request names.",
    "payload_too_large": "The body is longer than it may be.",
    "address_too_long": "The address is longer than it may be.",
    "unsupported_media_type": "The body is of a kind that is not read here.",
    "range_not_satisfiable": "The range lies outside the file.",
    "idempotency_key_reused": "The key came with another request before. Take a new key.",
    "limit_reached": "A limit was reached. Retry-After says when to try again, RateLimit what is left.",
    "headers_too_large": "The headers of the request are larger than they may be.",
    "internal_error": "Something went wrong on the server. The operator finds error_id in the log.",
    "generation_failed": "The sound could not be made. Another try may succeed.",
    "speech_failed": "The text could not be spoken. Another try may succeed.",
    "queue_full": "The queue holds as many jobs as it may. Try again after Retry-After.",
    "unavailable": "A part of the service is away for now. Try again after Retry-After.",
    "storage_full": "There is no room for another sound. Delete some, or ask the operator.",
}
CODE_OF_ERROR: Final[dict[type[ProductError], str]] = {
    errors.InvalidRequest: "invalid_request",
    errors.UnknownHost: "unknown_host",
    errors.AuthenticationRequired: "authentication_required",
    errors.NotAuthorized: "not_authorized",
    errors.ForeignPage: "foreign_page",
    errors.NotFound: "not_found",
    errors.BodyTimeout: "body_timeout",
    errors.Conflict: "conflict",
    errors.PreconditionFailed: "precondition_failed",
    errors.PayloadTooLarge: "payload_too_large",
    errors.AddressTooLong: "address_too_long",
    errors.UnsupportedMediaType: "unsupported_media_type",
    errors.KeyReused: "idempotency_key_reused",
    errors.LimitReached: "limit_reached",
    errors.QueueFull: "queue_full",
    errors.StorageFull: "storage_full",
    errors.GenerationFailed: "generation_failed",
    errors.SpeechFailed: "speech_failed",
    errors.Unavailable: "unavailable",
}
# For answers that no product error stands behind.
CODE_OF_STATUS: Final[dict[int, str]] = {
    401: "authentication_required",
    403: "not_authorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "body_timeout",
    413: "payload_too_large",
    414: "address_too_long",
    415: "unsupported_media_type",
    416: "range_not_satisfiable",
    429: "limit_reached",
    431: "headers_too_large",
    503: "unavailable",
}


def code_of(error: ProductError) -> str:
    """Return the code of a product error: its own, or that of its kind or the nearest kind above."""
    if error.code is not None:
        return error.code
    return next(CODE_OF_ERROR[kind] for kind in type(error).__mro__ if kind in CODE_OF_ERROR)


def code_of_status(status: int) -> str:
    """Return the code of an error that only its status tells of."""
    return CODE_OF_STATUS.get(status, "internal_error" if status >= 500 else "invalid_request")


def anchor_of(code: str) -> str:
    """Return the anchor of a code's section on the page `/docs`."""
    return f"error-{code.replace('_', '-')}"
