"""Who is shown HTML."""

import pytest

from webapp.http.requests.accept import prefers_html


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        ("text/html", True),
        ("TEXT/HTML", True),
        ("text/html;q=0.5, application/json;q=0.4", True),
        ("text/html, text/event-stream", True),
        ("text/html;q=0.4, application/json;q=0.5", False),
        ("text/html;q=0", False),
        ("text/html;q=many", False),
        ("application/json", False),
        ("application/problem+json, text/html;q=0.9", False),
        ("*/*", False),
        ("", False),
    ],
)
def test_prefers_html(accept: str, *, expected: bool) -> None:
    assert prefers_html(accept) is expected
