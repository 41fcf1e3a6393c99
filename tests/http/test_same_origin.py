"""Requests that another site makes a browser send."""

import pytest
from litestar.datastructures import Headers

from webapp.http.middleware.same_origin import SameOriginOnly
from webapp.settings import Settings

COOKIE = "soundloom_session=s3cret"
HOST = {"host": "localhost:5309"}


async def nothing(*_: object) -> None:
    """An application that is never reached here."""


def is_ours(headers: dict[str, str], public_url: str = "") -> bool:
    defence = SameOriginOnly(nothing, Settings(public_url=public_url), "soundloom_session")
    return defence.is_ours(Headers({**HOST, **headers}))


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "same-origin", "cookie": COOKIE},
        {"origin": "http://localhost:5309", "cookie": COOKIE},
        {"origin": "https://LOCALHOST:5309", "cookie": COOKIE},
        # A program without cookies: nobody is signed in through it.
        {},
        {"cookie": "other=1"},
    ],
)
def test_our_own_pages_and_programs_pass(headers: dict[str, str]) -> None:
    assert is_ours(headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site", "cookie": COOKIE},
        {"sec-fetch-site": "same-site", "cookie": COOKIE},
        {"sec-fetch-site": "none", "cookie": COOKIE},
        {"sec-fetch-site": "cross-site"},
        # The newer header decides, whatever the older one says.
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:5309"},
        {"origin": "http://evil.example", "cookie": COOKIE},
        {"origin": "http://localhost:1", "cookie": COOKIE},
        {"origin": "http://localhost:5309.evil.example", "cookie": COOKIE},
        {"origin": "null", "cookie": COOKIE},
        {"origin": "http://[", "cookie": COOKIE},
        {"origin": "http://[::1", "cookie": COOKIE},
        {"origin": "http://a]", "cookie": COOKIE},
        {"origin": "", "cookie": COOKIE},
        {"origin": "http://evil.example"},
        # A browser that says nothing about where a request comes from.
        {"cookie": COOKIE},
        {"cookie": f"a=b; {COOKIE}"},
    ],
)
def test_everything_else_is_refused(headers: dict[str, str]) -> None:
    assert not is_ours(headers)


def test_behind_a_proxy_the_public_origin_is_ours() -> None:
    headers = {"origin": "https://sound.example", "cookie": COOKIE, "host": "internal:80"}
    assert is_ours(headers, public_url="https://sound.example/")
    assert not is_ours(headers, public_url="https://other.example")
