"""Open connections are counted and given back."""

import pytest

from webapp.errors import LimitReached
from webapp.http.streams.stream_caps import StreamCaps


def test_an_account_may_hold_so_many() -> None:
    caps = StreamCaps(per_account=2, per_address=10)
    releases = [caps.hold(1, "a"), caps.hold(1, "b")]
    with pytest.raises(LimitReached) as refused:
        caps.hold(1, "c")
    assert refused.value.retry_after_s >= 1
    caps.hold(2, "c")
    releases[0]()
    caps.hold(1, "c")


def test_an_address_may_hold_so_many_whoever_is_signed_in() -> None:
    caps = StreamCaps(per_account=10, per_address=2)
    caps.hold(None, "a")
    caps.hold(1, "a")
    with pytest.raises(LimitReached):
        caps.hold(2, "a")
    caps.hold(2, "b")


def test_giving_back_twice_counts_once() -> None:
    caps = StreamCaps(per_account=1, per_address=9)
    release = caps.hold(1, "a")
    release()
    release()
    caps.hold(1, "a")
    assert caps.open_count == 1
    with pytest.raises(LimitReached):
        caps.hold(1, "a")


def test_the_addresses_of_one_ipv6_customer_count_as_one() -> None:
    caps = StreamCaps(per_account=9, per_address=1)
    caps.hold(None, "2001:db8::1")
    with pytest.raises(LimitReached):
        caps.hold(None, "2001:db8::2")
    caps.hold(None, "2001:db8:0:1::1")
