"""Making accounts."""

import asyncio
from collections import Counter

import pytest

from tests.accounts.fakes import PASSWORD
from webapp.errors import Conflict, InvalidRequest, LimitReached, NotAuthorized, ProductError
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.settings import Settings


async def test_a_new_account_is_free_and_without_aura(accounts: Accounts) -> None:
    identity = await accounts.register("Ada.L-1_", PASSWORD, address="10.0.0.1")
    account = await accounts.get(identity.account_id)
    assert identity == Identity(account.account_id, "Ada.L-1_", "free", is_admin=False)
    assert (account.tier, account.aura_balance, account.is_disabled) == ("free", 0, False)


async def test_the_first_wrong_field_is_named(accounts: Accounts) -> None:
    for username, password, field in (("a b", "short", "username"), ("ada", "short", "password")):
        with pytest.raises(InvalidRequest) as refusal:
            await accounts.register(username, password, address="10.0.0.1")
        assert refusal.value.field == field
    assert await accounts.list() == ()


async def test_names_that_differ_in_case_only_are_one_name(accounts: Accounts, ada: Identity) -> None:
    with pytest.raises(Conflict, match="That username is taken"):
        await accounts.register("aDA", PASSWORD, address="10.0.0.1")
    assert [account.username for account in await accounts.list()] == ["Ada"]


async def test_of_many_who_ask_for_one_name_at_once_one_gets_it(accounts: Accounts) -> None:
    async def ask(number: int) -> str:
        try:
            await accounts.register("Ada" if number % 2 else "ADA", PASSWORD, address=f"10.0.1.{number}")
        except ProductError as error:
            return error.message
        return "made"

    outcomes = Counter(await asyncio.gather(*(ask(number) for number in range(32))))
    assert outcomes == {"made": 1, "That username is taken": 31}
    assert len(await accounts.list()) == 1


async def test_the_database_alone_keeps_a_name_unique(accounts: Accounts) -> None:
    """Past the friendly check, as two servers at the same moment would be."""
    prepared = [await accounts.prepare(name, PASSWORD) for name in ("Ada", "ada")]
    outcomes = await asyncio.gather(*(accounts.insert(new) for new in prepared), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "Identity"]


class TestClosedRegistration:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(registration="closed")

    async def test_only_an_operator_makes_accounts(self, accounts: Accounts) -> None:
        with pytest.raises(NotAuthorized, match="Registration is closed"):
            await accounts.register("ada", PASSWORD, address="10.0.0.1")
        await accounts.insert(await accounts.prepare("ada", PASSWORD))
        assert [account.username for account in await accounts.list()] == ["ada"]


class TestLimitPerAddress:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(register_per_address=3)

    async def test_it_is_exact_when_many_come_at_once(self, accounts: Accounts) -> None:
        async def ask(number: int) -> str:
            try:
                await accounts.register(f"user{number}", PASSWORD, address="10.0.0.1")
            except LimitReached as error:
                return f"{error.message} ({error.retry_after_s} s)"
            return "made"

        outcomes = Counter(await asyncio.gather(*(ask(number) for number in range(20))))
        message = "Too many accounts were created from your address; try again later (3600 s)"
        assert outcomes == {"made": 3, message: 17}
        await accounts.register("elsewhere", PASSWORD, address="10.0.0.2")

    async def test_refused_requests_do_not_count(self, accounts: Accounts, ada: Identity) -> None:
        for _ in range(5):
            with pytest.raises(Conflict):
                await accounts.register("ada", PASSWORD, address="10.0.0.9")
            with pytest.raises(InvalidRequest):
                await accounts.register("bob", "short", address="10.0.0.9")
        assert (await accounts.registration_usage("10.0.0.9")).remaining == 3
        await accounts.register("bob", PASSWORD, address="10.0.0.9")
        assert (await accounts.registration_usage("10.0.0.9")).remaining == 2

    async def test_looking_for_taken_names_is_limited(self, accounts: Accounts, ada: Identity) -> None:
        for _ in range(60):
            with pytest.raises(Conflict):
                await accounts.register("ada", PASSWORD, address="10.0.0.9")
        with pytest.raises(LimitReached):
            await accounts.register("ada", PASSWORD, address="10.0.0.9")

    async def test_one_ipv6_customer_is_one_address(self, accounts: Accounts) -> None:
        for number in range(3):
            await accounts.register(f"user{number}", PASSWORD, address=f"2001:db8:0:1::{number}")
        with pytest.raises(LimitReached):
            await accounts.register("user3", PASSWORD, address="2001:db8:0:1:ffff::1")
        await accounts.register("user3", PASSWORD, address="2001:db8:0:2::1")
