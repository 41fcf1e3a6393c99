"""Open connections are counted, over all servers, and given back."""

import asyncio

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import LimitReached
from webapp.http.streams.stream_caps import StreamCaps
from webapp.services.shared.held_connections import SILENT_MS, ConnectionCounts


class Servers:
    """Makes servers over one database."""

    def __init__(self, database: Database, clock: ManualClock) -> None:
        self.database = database
        self.clock = clock
        self.counts: dict[str, ConnectionCounts] = {}

    def __call__(self, name: str = "one", *, per_account: int = 9, per_address: int = 9) -> StreamCaps:
        def counts(caps: StreamCaps) -> ConnectionCounts:
            made = ConnectionCounts(self.database, self.clock, name, of_holder=caps.held_by)
            self.counts[name] = made
            return made

        return StreamCaps(per_account, per_address, counts)


@pytest.fixture
def server(database: Database, clock: ManualClock) -> Servers:
    return Servers(database, clock)


async def test_an_account_may_hold_so_many(server: Servers) -> None:
    caps = server(per_account=2)
    releases = [await caps.hold(1, "a"), await caps.hold(1, "b")]
    with pytest.raises(LimitReached) as refused:
        await caps.hold(1, "c")
    assert refused.value.retry_after_s >= 1
    await caps.hold(2, "c")
    releases[0]()
    await caps.hold(1, "c")


async def test_an_address_may_hold_so_many_whoever_is_signed_in(server: Servers) -> None:
    caps = server(per_address=2)
    await caps.hold(None, "a")
    await caps.hold(1, "a")
    with pytest.raises(LimitReached):
        await caps.hold(2, "a")
    await caps.hold(2, "b")


async def test_giving_back_twice_counts_once(server: Servers) -> None:
    caps = server(per_account=1)
    release = await caps.hold(1, "a")
    release()
    release()
    await caps.hold(1, "a")
    assert caps.open_count == 1
    with pytest.raises(LimitReached):
        await caps.hold(1, "a")


async def test_the_addresses_of_one_ipv6_customer_count_as_one(server: Servers) -> None:
    caps = server(per_address=1)
    await caps.hold(None, "2001:db8::1")
    with pytest.raises(LimitReached):
        await caps.hold(None, "2001:db8::2")
    await caps.hold(None, "2001:db8:0:1::1")


def _only_where_servers_share(server: Servers) -> None:
    if server.database.dialect == "sqlite":
        pytest.skip("one server has the file to itself")


@pytest.mark.both_databases
async def test_the_limit_holds_over_all_servers(server: Servers) -> None:
    _only_where_servers_share(server)
    one, two = server("one", per_account=3), server("two", per_account=3)
    releases = [await one.hold(1, "a"), await two.hold(1, "b"), await one.hold(1, "c")]
    with pytest.raises(LimitReached, match="Too many open connections"):
        await two.hold(1, "d")
    assert two.held_by("account/1") == 1, "a refused one is not held"
    releases[0]()
    with pytest.raises(LimitReached):
        await two.hold(1, "d")
    await server.counts["one"].settle()
    await two.hold(1, "d")


@pytest.mark.both_databases
async def test_a_race_for_the_last_connections_lets_no_more_in(server: Servers) -> None:
    _only_where_servers_share(server)
    caps = [server(name, per_account=5) for name in ("one", "two", "three")]
    answers = await asyncio.gather(
        *(one.hold(1, f"{number}") for number in range(8) for one in caps), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, BaseException)]
    assert all(isinstance(answer, LimitReached) for answer in refused)
    assert len(answers) - len(refused) <= 5
    assert sum(one.held_by("account/1") for one in caps) == len(answers) - len(refused)


@pytest.mark.both_databases
async def test_a_server_that_is_gone_holds_nothing(server: Servers, clock: ManualClock) -> None:
    _only_where_servers_share(server)
    one, two = server("one", per_account=1), server("two", per_account=1)
    await one.hold(1, "a")
    clock.advance_s(SILENT_MS / 1000 - 1)
    await server.counts["one"].renew()
    clock.advance_s(2)
    with pytest.raises(LimitReached):
        await two.hold(1, "a")
    clock.advance_s(SILENT_MS / 1000)
    await two.hold(1, "a")
    await server.counts["two"].renew()
    await server.counts["two"].forget()
    assert await server.database.fetch("SELECT * FROM held_connections") == []
