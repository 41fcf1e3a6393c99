"""The names of the status codes as RFC 9110 has them; those of Python's own table depend on its version."""

from http import HTTPStatus
from typing import Final

# Named otherwise by Python before 3.13.
RENAMED: Final = {
    413: "Content Too Large",
    414: "URI Too Long",
    416: "Range Not Satisfiable",
    422: "Unprocessable Content",
}


def phrase_of(status: int) -> str:
    """The reason phrase of a status code; for one that nobody registered, that of its class."""
    if status in RENAMED:
        return RENAMED[status]
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus(status // 100 * 100).phrase
