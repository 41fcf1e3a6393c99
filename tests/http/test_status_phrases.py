"""Names of status codes, which Python has otherwise in some of its versions."""

from http import HTTPStatus

import pytest

from webapp.http.errors import STATUS_OF_ERROR, Problem
from webapp.http.status_phrases import phrase_of


@pytest.mark.parametrize(
    ("status", "phrase"),
    [
        (400, "Bad Request"),
        (404, "Not Found"),
        (412, "Precondition Failed"),
        (413, "Content Too Large"),
        (414, "URI Too Long"),
        (415, "Unsupported Media Type"),
        (416, "Range Not Satisfiable"),
        (422, "Unprocessable Content"),
        (431, "Request Header Fields Too Large"),
        (499, "Bad Request"),
    ],
)
def test_titles_are_those_of_the_rfc(status: int, phrase: str) -> None:
    assert phrase_of(status) == phrase
    assert Problem(status, "x").title == phrase


def test_every_status_of_ours_has_a_name() -> None:
    assert all(phrase_of(status) for status in {*STATUS_OF_ERROR.values(), *HTTPStatus})
