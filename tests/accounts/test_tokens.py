"""Bearer tokens."""

import asyncio
from collections import Counter

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import Conflict, NotFound
from webapp.ids import secret_hash
from webapp.services.accounts import tokens as tokens_module
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.last_use import LastUse
from webapp.services.accounts.tokens import DAY_MS, Tokens


async def test_a_token_proves_its_account_until_it_is_revoked(tokens: Tokens, ada: Identity) -> None:
    secret, view = await tokens.create(ada.account_id, "laptop")
    assert secret.startswith("sl_")
    assert await tokens.identity_for(secret) == ada
    await tokens.revoke(ada.account_id, view.token_id)
    assert await tokens.identity_for(secret) is None
    with pytest.raises(NotFound, match="Token not found"):
        await tokens.revoke(ada.account_id, view.token_id)


async def test_nothing_else_proves_anything(tokens: Tokens, ada: Identity) -> None:
    await tokens.create(ada.account_id)
    for secret in ("", "sl_", "sl_unknown", "\0", "\ud800", "x" * 10_000):
        assert await tokens.identity_for(secret) is None


async def test_only_the_hash_is_stored(database: Database, tokens: Tokens, ada: Identity) -> None:
    secret, _ = await tokens.create(ada.account_id, "laptop")
    rows = await database.fetch("SELECT * FROM api_token")
    assert rows[0]["token_hash"] == secret_hash(secret)
    assert not any(secret in str(value) for value in rows[0].values())


async def test_a_token_ends_at_its_expiry(tokens: Tokens, ada: Identity, clock: ManualClock) -> None:
    day, _ = await tokens.create(ada.account_id, "day", lifetime_ms=DAY_MS)
    ever, _ = await tokens.create(ada.account_id, "ever", lifetime_ms=None)
    usual, view = await tokens.create(ada.account_id, "usual")
    assert view.expires_ms == view.created_ms + 365 * DAY_MS
    clock.advance_s(86_399.999)
    assert await tokens.identity_for(day) == ada
    clock.advance_s(0.001)
    assert await tokens.identity_for(day) is None
    assert await tokens.identity_for(usual) == ada
    assert [token.label for token in await tokens.list(ada.account_id)] == ["usual", "ever"]
    clock.advance_s(364 * 86_400)
    assert await tokens.identity_for(usual) is None
    assert await tokens.identity_for(ever) == ada


async def test_last_use_is_written_at_most_once_a_minute(
    database: Database, tokens: Tokens, ada: Identity, clock: ManualClock
) -> None:
    secret, view = await tokens.create(ada.account_id)
    assert view.last_used_ms is None
    start_ms = clock.now_ms()

    async def last_used() -> int | None:
        await tokens.identity_for(secret)
        return (await tokens.list(ada.account_id))[0].last_used_ms

    assert await last_used() == start_ms
    clock.advance_s(59)
    assert await last_used() == start_ms
    clock.advance_s(1)
    assert await last_used() == start_ms + 60_000


async def test_a_change_of_tier_holds_at_once(tokens: Tokens, accounts: Accounts, ada: Identity) -> None:
    secret, _ = await tokens.create(ada.account_id)
    await accounts.set_tier(ada.account_id, "creator")
    identity = await tokens.identity_for(secret)
    assert identity is not None
    assert identity.tier == "creator"


async def test_tokens_of_others_are_out_of_reach(tokens: Tokens, accounts: Accounts, ada: Identity) -> None:
    bob = await accounts.register("bob", "correct horse", address="10.0.0.1")
    secret, view = await tokens.create(ada.account_id)
    with pytest.raises(NotFound):
        await tokens.revoke(bob.account_id, view.token_id)
    assert await tokens.list(bob.account_id) == ()
    assert await tokens.identity_for(secret) == ada


async def test_an_account_holds_a_bounded_number_whatever_comes_at_once(
    tokens: Tokens, ada: Identity, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tokens_module, "MAX_TOKENS", 5)

    async def ask() -> str:
        try:
            await tokens.create(ada.account_id, lifetime_ms=DAY_MS)
        except Conflict:
            return "refused"
        return "made"

    assert Counter(await asyncio.gather(*(ask() for _ in range(12)))) == {"made": 5, "refused": 7}
    clock.advance_s(86_400)
    assert await ask() == "made", "expired tokens make room"


async def test_a_row_that_was_read_before_the_write_tells_the_use_after_it(
    database: Database, tokens: Tokens, ada: Identity, clock: ManualClock
) -> None:
    last_use = LastUse(database, clock, "api_token", every_ms=60_000)
    _, view = await tokens.create(ada.account_id)
    others = asyncio.all_tasks()
    assert last_use.record(view.token_id, None)
    (writing,) = asyncio.all_tasks() - others
    await writing
    assert (await tokens.list(ada.account_id))[0].last_used_ms == clock.now_ms()
    assert last_use.latest(view.token_id, None) == clock.now_ms()
