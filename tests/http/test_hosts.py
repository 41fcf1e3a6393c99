"""Names that the server answers to."""

import pytest

from webapp.http.middleware.hosts import HostCheck
from webapp.settings import Settings


async def nothing(*_: object) -> None:
    """An application that is never reached here."""


def check(**settings: str) -> HostCheck:
    return HostCheck(nothing, Settings(**settings))  # type: ignore[arg-type]  # only text settings are used


@pytest.mark.parametrize("header", ["localhost", "LOCALHOST:5309", "127.0.0.1:5309", "[::1]:5309", "[::1]"])
def test_loopback_names_are_always_known(header: str) -> None:
    assert check().is_known(header)


@pytest.mark.parametrize(
    "header",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:5309",
        "192.168.0.5",
        "localhost@evil.example",
        "localhost/evil.example",
        "localhost#evil",
        "localhost?evil",
        "localhost:port",
        "localhost:99999",
        "[::1",
        "[",
        "localhost." + "a" * 30_000,
        "localhost:" + "1" * 5_000,
        "",
    ],
)
def test_other_names_are_not(header: str) -> None:
    assert not check().is_known(header)


def test_configured_names_are_known() -> None:
    checked = check(
        host="192.168.0.5", public_url="https://Sound.example:8443/", allowed_hosts=" a.example, B.example "
    )
    for header in ("192.168.0.5:5309", "sound.example", "sound.example:8443", "a.example", "b.example:80"):
        assert checked.is_known(header), header
    assert not checked.is_known("c.example")


def test_listening_everywhere_any_address_is_known_but_no_other_name() -> None:
    checked = check(host="0.0.0.0")  # noqa: S104 - nothing is bound
    assert checked.is_known("192.168.0.5:5309")
    assert checked.is_known("[fe80::1]:5309")
    assert not checked.is_known("evil.example")
