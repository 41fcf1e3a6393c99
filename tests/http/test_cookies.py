"""Our cookie among others."""

import pytest
from litestar.datastructures import Headers

from webapp.http.requests.cookies import cookie_value


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("session=abc", "abc"),
        ("a=b; session=abc ;c=d", "abc"),
        ("session=a=b", "a=b"),
        ("session=", ""),
        ("session", None),
        ("xsession=abc", None),
        ("session=1; session=2", "2"),
        (";;=;session=%41", "%41"),
        ("", None),
    ],
)
def test_it_is_found(header: str, value: str | None) -> None:
    assert cookie_value(Headers({"cookie": header}), "session") == value


def test_it_may_come_in_several_headers() -> None:
    headers = Headers([(b"cookie", b"a=b"), (b"cookie", b"session=abc")])
    assert cookie_value(headers, "session") == "abc"
    assert cookie_value(Headers(), "session") is None
