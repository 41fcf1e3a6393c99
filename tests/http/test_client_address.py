"""Client addresses behind proxies."""

import pytest

from webapp.errors import SettingsError
from webapp.http.requests.client_address import client_address, trusted_networks

PROXIES = "127.0.0.1, 10.0.0.0/8, 2001:db8:ff::/48"


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "expected"),
    [
        # Nobody who is not trusted is believed.
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),
        # A trusted proxy says whom it heard from; what stands before that was written by anybody.
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
        # A chain of trusted proxies is followed to its end.
        ("127.0.0.1", ["203.0.113.9, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("2001:db8:ff::1", ["2001:db8:1::7"], "2001:db8:1::7"),
        # Other ways to write an address.
        ("::ffff:127.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8:1::7]:4711"], "2001:db8:1::7"),
        ("127.0.0.1", [" 198.51.100.1 "], "198.51.100.1"),
        # What cannot be read ends the search.
        ("127.0.0.1", ["198.51.100.1, unknown"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, "], "127.0.0.1"),
        ("127.0.0.1", ["unknown, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["x" * 10_000], "127.0.0.1"),
        (None, ["198.51.100.1"], "unknown"),
        ("", ["198.51.100.1"], "unknown"),
    ],
)
def test_whose_address_it_is(peer: str | None, forwarded_for: list[str], expected: str) -> None:
    assert client_address(peer, forwarded_for, trusted_networks(PROXIES)) == expected


def test_without_trusted_proxies_only_the_connection_counts() -> None:
    assert client_address("127.0.0.1", ["198.51.100.1"], trusted_networks("")) == "127.0.0.1"


@pytest.mark.parametrize("setting", ["proxy.example", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.1 10.0.0.2"])
def test_a_wrong_setting_is_one_clear_line(setting: str) -> None:
    with pytest.raises(SettingsError, match=r"^SOUNDLOOM_TRUSTED_PROXIES has a wrong value: .+\.$"):
        trusted_networks(setting)
