"""Proving who somebody is by a password."""

import asyncio
from collections import Counter

import pytest

from tests.accounts.fakes import PASSWORD, CountingHash
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import AuthenticationRequired, InvalidRequest, LimitReached, NotFound, ProductError
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import Sessions
from webapp.services.accounts.sign_in_limits import TOO_MANY_SIGN_INS
from webapp.services.accounts.tokens import Tokens
from webapp.settings import Settings

WRONG = "Wrong username or password"
HOME = "10.0.0.1"


async def _refusal(accounts: Accounts, username: str, password: str, address: str = HOME) -> ProductError:
    with pytest.raises(ProductError) as refusal:
        await accounts.authenticate(username, password, address=address)
    return refusal.value


async def test_the_name_may_be_written_in_any_case(accounts: Accounts, ada: Identity) -> None:
    assert await accounts.authenticate("aDa", PASSWORD, address=HOME) == ada


async def test_a_password_may_be_typed_in_either_unicode_form(accounts: Accounts) -> None:
    identity = await accounts.register("ada", "caf\u00e9 au lait", address=HOME)
    assert await accounts.authenticate("ada", "cafe\u0301 au lait", address=HOME) == identity


class TestNothingTellsAccountsApart:
    async def test_each_way_to_fail_costs_one_check_and_gets_one_answer(
        self, accounts: Accounts, ada: Identity, slow_hash: CountingHash
    ) -> None:
        disabled = await accounts.register("eve", PASSWORD, address=HOME)
        await accounts.disable(disabled.account_id)
        attempts = [
            ("ada", "wrong horse"),
            ("nobody", PASSWORD),
            ("not a name\0", PASSWORD),
            ("eve", PASSWORD),
            ("eve", "wrong horse"),
            ("ada", "\ud800" * 10),
            ("ada", "x" * 60_000),
        ]
        slow_hash.calls.clear()
        for username, password in attempts:
            slow_hash.calls.clear()
            error = await _refusal(accounts, username, password)
            assert (type(error), error.message) == (AuthenticationRequired, WRONG)
            assert slow_hash.calls == {"verify": 1}, username

    async def test_an_unknown_name_is_checked_against_a_decoy(
        self, accounts: Accounts, slow_hash: CountingHash
    ) -> None:
        await _refusal(accounts, "nobody", PASSWORD)
        assert slow_hash.verified == ["decoy"]

    async def test_names_without_account_are_limited_alike(self, accounts: Accounts, ada: Identity) -> None:
        outcomes = {}
        for name, address in (("ada", "10.0.0.2"), ("nobody", "10.0.0.3")):
            outcomes[name] = [str(await _refusal(accounts, name, "wrong horse", address)) for _ in range(12)]
        assert outcomes["ada"] == outcomes["nobody"] == [WRONG] * 10 + [TOO_MANY_SIGN_INS] * 2

    async def test_only_hashes_of_tried_names_are_kept(self, database: Database, accounts: Accounts) -> None:
        await _refusal(accounts, "my password by mistake", PASSWORD)
        rows = await database.fetch("SELECT bucket FROM throttle_hit")
        assert len(rows) == 2
        assert not any("mistake" in row["bucket"] for row in rows)


@pytest.mark.parametrize(
    ("username", "password", "text", "field"),
    [
        (None, PASSWORD, "Username is required", "username"),
        ("ada", None, "Password is required", "password"),
        ("ada", "", "Password is required", "password"),
        (5, PASSWORD, "Username must be text", "username"),
        ("ada", 5, "Password must be text", "password"),
    ],
)
async def test_what_is_missing_is_named(
    accounts: Accounts, username: object, password: object, text: str, field: str
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.authenticate(username, password, address=HOME)
    assert (refusal.value.message, refusal.value.field) == (text, field)


class TestLimits:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(sign_in_per_account=4, sign_in_per_address=6)

    async def test_no_more_passwords_are_tried_than_the_limit_says(
        self, accounts: Accounts, ada: Identity, slow_hash: CountingHash
    ) -> None:
        slow_hash.calls.clear()
        errors = await asyncio.gather(
            *(_refusal(accounts, "ada", f"wrong horse {number}", f"10.0.2.{number}") for number in range(50))
        )
        assert Counter(type(error) for error in errors) == {AuthenticationRequired: 4, LimitReached: 46}
        assert slow_hash.calls["verify"] == 4

    async def test_the_right_password_is_refused_too_until_the_window_has_passed(
        self, accounts: Accounts, ada: Identity, clock: ManualClock
    ) -> None:
        for _ in range(4):
            await _refusal(accounts, "ada", "wrong horse")
        error = await _refusal(accounts, "ada", PASSWORD)
        assert isinstance(error, LimitReached)
        assert error.retry_after_s == 15 * 60
        clock.advance_s(15 * 60)
        assert await accounts.authenticate("ada", PASSWORD, address=HOME) == ada

    async def test_an_address_that_tries_names_is_limited(self, accounts: Accounts, ada: Identity) -> None:
        for number in range(6):
            await _refusal(accounts, f"name{number}", "wrong horse", "10.0.0.9")
        assert isinstance(await _refusal(accounts, "ada", PASSWORD, "10.0.0.9"), LimitReached)
        assert await accounts.authenticate("ada", PASSWORD, address=HOME) == ada

    async def test_successes_do_not_count(self, accounts: Accounts, ada: Identity) -> None:
        found = await asyncio.gather(
            *(accounts.authenticate("ada", PASSWORD, address=HOME) for _ in range(50))
        )
        assert set(found) == {ada}
        account, address = await accounts.sign_in_usage("ada", HOME)
        assert (account.remaining, address.remaining) == (4, 6)

    async def test_only_a_few_hashes_are_computed_at_once(
        self, accounts: Accounts, ada: Identity, slow_hash: CountingHash
    ) -> None:
        await asyncio.gather(*(accounts.authenticate("ada", PASSWORD, address=HOME) for _ in range(50)))
        assert 1 <= slow_hash.most_at_once <= 2


async def test_a_hash_with_old_parameters_is_renewed_at_sign_in(
    database: Database, accounts: Accounts, ada: Identity, slow_hash: CountingHash
) -> None:
    slow_hash.version = 2
    await _refusal(accounts, "ada", "wrong horse")
    assert (await database.fetch("SELECT password_hash FROM account"))[0]["password_hash"].startswith("1:")
    await accounts.authenticate("ada", PASSWORD, address=HOME)
    assert (await database.fetch("SELECT password_hash FROM account"))[0]["password_hash"].startswith("2:")
    assert await accounts.authenticate("ada", PASSWORD, address=HOME) == ada


class TestChangingThePassword:
    async def test_it_ends_other_sessions_and_keeps_tokens(
        self, accounts: Accounts, ada: Identity, sessions: Sessions, tokens: Tokens
    ) -> None:
        here, there = [await sessions.create(ada.account_id) for _ in range(2)]
        token, _ = await tokens.create(ada.account_id)
        session = await sessions.resolve(here)
        assert session is not None
        await accounts.change_password(
            ada.account_id, PASSWORD, "battery staple", address=HOME, keep_session_id=session.session_id
        )
        assert await sessions.resolve(here) == session
        assert await sessions.resolve(there) is None
        assert await tokens.identity_for(token) == ada
        assert await accounts.authenticate("ada", "battery staple", address=HOME) == ada
        assert (await _refusal(accounts, "ada", PASSWORD)).message == WRONG

    async def test_it_asks_for_the_present_one(self, accounts: Accounts, ada: Identity) -> None:
        async def guess(current: str, new: object = "battery staple") -> ProductError:
            with pytest.raises(ProductError) as refusal:
                await accounts.change_password(
                    ada.account_id, current, new, address=HOME, keep_session_id=None
                )
            return refusal.value

        short = await guess(PASSWORD, "short")
        assert isinstance(short, InvalidRequest)
        assert short.field == "new_password"
        for _ in range(10):
            wrong = await guess("wrong horse")
            assert isinstance(wrong, InvalidRequest)
            assert (wrong.message, wrong.field) == ("Current password is wrong", "current_password")
        assert isinstance(await guess(PASSWORD), LimitReached)

    async def test_an_operator_sets_it_without_the_old_one(
        self, accounts: Accounts, ada: Identity, sessions: Sessions
    ) -> None:
        secret = await sessions.create(ada.account_id)
        await accounts.set_password(ada.account_id, "battery staple")
        assert await sessions.resolve(secret) is None
        with pytest.raises(NotFound):
            await accounts.set_password(999, "battery staple")
