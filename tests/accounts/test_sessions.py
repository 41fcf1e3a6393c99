"""Sessions of browsers."""

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import NotFound
from webapp.ids import secret_hash
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import LIFETIME_MS, MAX_SESSIONS, Sessions

DAY_S = 86_400


async def test_signing_in_replaces_what_the_browser_had(sessions: Sessions, ada: Identity) -> None:
    planted = await sessions.create(ada.account_id)
    secret = await sessions.create(ada.account_id, replacing=planted)
    assert secret != planted
    assert await sessions.resolve(planted) is None
    signed_in = await sessions.resolve(secret)
    assert signed_in is not None
    assert signed_in.identity == ada


async def test_signing_out_ends_this_session_only(sessions: Sessions, ada: Identity) -> None:
    here, there = [await sessions.create(ada.account_id) for _ in range(2)]
    await sessions.end(here)
    await sessions.end("unknown")
    assert await sessions.resolve(here) is None
    assert await sessions.resolve(there) is not None


async def test_only_the_hash_is_stored(database: Database, sessions: Sessions, ada: Identity) -> None:
    secret = await sessions.create(ada.account_id)
    rows = await database.fetch("SELECT * FROM web_session")
    assert rows[0]["secret_hash"] == secret_hash(secret)
    assert not any(secret in str(value) for value in rows[0].values())


async def test_a_session_lasts_while_in_use(sessions: Sessions, ada: Identity, clock: ManualClock) -> None:
    secret = await sessions.create(ada.account_id)
    for _ in range(4):
        clock.advance_s(29 * DAY_S)
        signed_in = await sessions.resolve(secret)
        assert signed_in is not None
        assert signed_in.was_renewed
        assert signed_in.expires_ms == clock.now_ms() + 30 * DAY_S * 1000
    clock.advance_s(30 * DAY_S)
    assert await sessions.resolve(secret) is None


async def test_last_seen_is_written_at_most_once_a_minute(
    sessions: Sessions, ada: Identity, clock: ManualClock
) -> None:
    secret = await sessions.create(ada.account_id)
    start_ms = clock.now_ms()

    async def see() -> tuple[bool, int]:
        signed_in = await sessions.resolve(secret)
        assert signed_in is not None
        return signed_in.was_renewed, (await sessions.list(ada.account_id))[0].last_seen_ms

    clock.advance_s(59)
    assert await see() == (False, start_ms)
    clock.advance_s(1)
    assert await see() == (True, start_ms + 60_000)


async def test_sessions_are_listed_and_revoked_by_their_owner(
    sessions: Sessions, accounts: Accounts, ada: Identity, clock: ManualClock
) -> None:
    bob = await accounts.register("bob", "correct horse", address="10.0.0.1")
    old = await sessions.create(ada.account_id, address="10.0.0.1", user_agent="Old\0" + "x" * 300)
    clock.advance_s(1)
    new = await sessions.create(ada.account_id, address="10.0.0.2", user_agent="New\ud800")
    listed = await sessions.list(ada.account_id)
    assert [(view.address, view.user_agent) for view in listed] == [
        ("10.0.0.2", "New?"),
        ("10.0.0.1", "Old" + "x" * 197),
    ]
    with pytest.raises(NotFound, match="Session not found"):
        await sessions.revoke(bob.account_id, listed[1].session_id)
    with pytest.raises(NotFound):
        await sessions.revoke(ada.account_id, 2**40)
    await sessions.revoke(ada.account_id, listed[1].session_id)
    assert await sessions.resolve(old) is None
    assert await sessions.resolve(new) is not None


async def test_all_but_one_can_be_ended(sessions: Sessions, accounts: Accounts, ada: Identity) -> None:
    bob = await accounts.register("bob", "correct horse", address="10.0.0.1")
    of_bob = await sessions.create(bob.account_id)
    secrets = [await sessions.create(ada.account_id) for _ in range(3)]
    kept = await sessions.resolve(secrets[1])
    assert kept is not None
    await sessions.revoke_others(ada.account_id, kept.session_id)
    assert [await sessions.resolve(secret) is not None for secret in secrets] == [False, True, False]
    await sessions.revoke_others(ada.account_id, None)
    assert await sessions.list(ada.account_id) == ()
    assert await sessions.resolve(of_bob) is not None


async def test_ended_sessions_are_cleared_away(
    database: Database, sessions: Sessions, ada: Identity, clock: ManualClock
) -> None:
    await sessions.create(ada.account_id)
    clock.advance_s(30 * DAY_S)
    await sessions.create(ada.account_id)
    assert len(await database.fetch("SELECT id FROM web_session")) == 1


async def test_an_account_has_only_so_many(
    sessions: Sessions, ada: Identity, database: Database, clock: ManualClock
) -> None:
    now_ms = clock.now_ms()
    rows = [
        (ada.account_id, f"{number:064d}", now_ms, now_ms + LIFETIME_MS, now_ms + number)
        for number in range(5_000)
    ]
    async with database.transaction():
        await database.execute_many(
            "INSERT INTO web_session (account, secret_hash, created_ms, expires_ms, last_seen_ms, address,"
            " user_agent) VALUES ({}, {}, {}, {}, {}, '', '')",
            rows,
        )
    # Whatever the others' times say, the new one stays; of them, those that were used last.
    secret = await sessions.create(ada.account_id)
    assert await sessions.resolve(secret) is not None
    assert await sessions.count(ada.account_id) == MAX_SESSIONS
    kept = {view.last_seen_ms for view in await sessions.list(ada.account_id)}
    assert kept == {now_ms, *range(now_ms + 5_001 - MAX_SESSIONS, now_ms + 5_000)}
