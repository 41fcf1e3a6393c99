"""What owners and operators do with accounts."""

import json

import pytest

from tests.accounts.fakes import PASSWORD
from webapp.database import Database
from webapp.errors import AuthenticationRequired, InvalidRequest, NotFound
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import Sessions
from webapp.services.accounts.tokens import Tokens
from webapp.tables import (
    ALL_TABLES,
    Account,
    Favorite,
    IdempotencyKey,
    Job,
    LibraryItem,
    Playlist,
    Sound,
    SoundVote,
    SpeechRequest,
    Upload,
)


async def _make_sound(account_id: int, number: int = 1) -> None:
    job = Job(
        job_id=f"{number:012x}",
        sequence=number,
        account=account_id,
        generation_id=f"{number:020x}",
        status="completed",
        created_ms=1,
        prompt="rain on a tin roof",
        model="audio",
        duration_s=8.0,
        seed=7,
        tier="free",
        priority=4,
    )
    await Job.insert(job)
    await Sound.insert(
        Sound(
            generation_id=f"{number:020x}",
            storage_key=f"{number:020x}-1",
            job=job.job_id,
            account=account_id,
            created_ms=2,
            engine="sketch",
            engine_label="sketch",
            seed=7,
            duration_s=8.0,
            sample_rate=32_000,
            channels=2,
            quality_score=90,
            bytes_total=1000,
        )
    )


async def test_an_account_is_found_by_name_in_any_case(accounts: Accounts, ada: Identity) -> None:
    assert (await accounts.find("ADA")).account_id == ada.account_id
    with pytest.raises(NotFound, match="There is no account of that name"):
        await accounts.find("bob")


async def test_an_account_that_is_gone_proves_nobody(accounts: Accounts, ada: Identity) -> None:
    await accounts.delete(ada.account_id)
    with pytest.raises(AuthenticationRequired):
        await accounts.identity(ada.account_id)


async def test_an_admin_keeps_a_tier_but_counts_as_admin(accounts: Accounts, ada: Identity) -> None:
    await accounts.set_tier(ada.account_id, "premium")
    await accounts.set_admin(ada.account_id, is_admin=True)
    account = await accounts.get(ada.account_id)
    assert (account.tier, account.is_admin) == ("premium", True)
    assert await accounts.identity(ada.account_id) == Identity(ada.account_id, "Ada", "admin", is_admin=True)
    await accounts.set_admin(ada.account_id, is_admin=False)
    assert (await accounts.identity(ada.account_id)).tier == "premium"


@pytest.mark.parametrize("tier", ["admin", "gold", "", "FREE"])
async def test_unknown_tiers_are_refused(accounts: Accounts, ada: Identity, tier: str) -> None:
    with pytest.raises(InvalidRequest, match="Tier must be one of free, supporter, premium, creator"):
        await accounts.set_tier(ada.account_id, tier)


async def test_a_disabled_account_is_shut_out_at_once(
    accounts: Accounts, ada: Identity, sessions: Sessions, tokens: Tokens
) -> None:
    session, (token, _) = await sessions.create(ada.account_id), await tokens.create(ada.account_id)
    await accounts.disable(ada.account_id)
    assert await sessions.resolve(session) is None
    assert await tokens.identity_for(token) is None
    with pytest.raises(AuthenticationRequired):
        await accounts.identity(ada.account_id)
    await accounts.enable(ada.account_id)
    assert await accounts.authenticate("ada", PASSWORD, address="10.0.0.1") == ada
    assert await tokens.identity_for(token) == ada
    assert await sessions.resolve(session) is None


async def test_deleting_an_account_leaves_nothing_of_it(
    database: Database, accounts: Accounts, ada: Identity, sessions: Sessions, tokens: Tokens, aura: Aura
) -> None:
    bob = await accounts.register("bob", PASSWORD, address="10.0.0.1")
    for number, identity in enumerate((ada, bob), start=1):
        await sessions.create(identity.account_id)
        await tokens.create(identity.account_id)
        await aura.grant(identity.account_id, 5, reason="Welcome", author="root")
        await _make_sound(identity.account_id, number)
        await _use_library(identity.account_id, number)
    version = (await database.fetch("SELECT version FROM queue_state"))[0]["version"]

    deleted = await accounts.delete(ada.account_id)

    assert (deleted.username, deleted.storage_keys) == ("Ada", (f"{1:020x}-1", f"{1:019x}f-1"))
    assert (await database.fetch("SELECT version FROM queue_state"))[0]["version"] == version + 1
    owned = [
        table
        for table in ALL_TABLES
        if any(key._meta.name == "account" for key in table._meta.foreign_key_columns)
    ]
    assert len(owned) >= 10
    for table in owned:
        rows = await database.fetch(f'SELECT account FROM "{table._meta.tablename}"')
        assert {row["account"] for row in rows} == {bob.account_id}, table
    assert [account.username for account in await accounts.list()] == ["bob"]
    with pytest.raises(NotFound):
        await accounts.delete(ada.account_id)


async def _use_library(account_id: int, number: int) -> None:
    """A row of every kind that the library and repeated requests keep for an account."""
    sound = f"{number:020x}"
    rows = await LibraryItem.insert(
        LibraryItem(
            sound=sound, account=account_id, created_ms=1, model="music", prompt="rain", duration_s=1.0
        )
    )
    item = rows[0]["id"]
    await SoundVote.insert(SoundVote(item=item, account=account_id, vote=1))
    await Favorite.insert(Favorite(item=item, account=account_id, created_ms=1))
    await Playlist.insert(
        Playlist(playlist_id=sound, account=account_id, name="mine", created_ms=1, updated_ms=1)
    )
    await IdempotencyKey.insert(
        IdempotencyKey(key_hash=sound, account=account_id, request_hash="-", answer="{}", created_ms=1)
    )
    await Upload.insert(
        Upload(
            upload_id=f"{number:019x}f",
            account=account_id,
            storage_key=f"{number:019x}f-1",
            created_ms=1,
            expires_ms=2,
        )
    )
    await SpeechRequest.insert(
        SpeechRequest(
            request_id=sound[-12:], account=account_id, generation_id=sound, created_ms=1, text="-", voice="-"
        )
    )


async def test_an_export_holds_everything_but_secrets(
    database: Database, accounts: Accounts, ada: Identity, sessions: Sessions, tokens: Tokens, aura: Aura
) -> None:
    bob = await accounts.register("bob", PASSWORD, address="10.0.0.1")
    await _make_sound(bob.account_id, 2)
    await _make_sound(ada.account_id)
    session = await sessions.create(ada.account_id, address="10.0.0.1", user_agent="Browser/1")
    token, _ = await tokens.create(ada.account_id, "laptop")
    await aura.grant(ada.account_id, 5, reason="Welcome", author="root")

    exported = await accounts.export(ada.account_id)
    text = json.dumps(exported)

    assert exported["account"] == {
        "username": "Ada",
        "tier": "free",
        "is_admin": False,
        "aura_balance": 5,
        "created_ms": 1_700_000_000_000,
    }
    assert [job["prompt"] for job in exported["jobs"]] == ["rain on a tin roof"]
    assert exported["jobs"][0]["is_loopable"] is False
    assert [sound["generation_id"] for sound in exported["sounds"]] == [f"{1:020x}"]
    assert [line["reason"] for line in exported["aura"]] == ["Welcome"]
    assert [entry["label"] for entry in exported["tokens"]] == ["laptop"]
    assert [entry["user_agent"] for entry in exported["sessions"]] == ["Browser/1"]
    stored = await Account.select(Account.password_hash).where(Account.id == ada.account_id).first()
    assert stored is not None
    for secret in (session, token, stored["password_hash"], "secret_hash", "token_hash"):
        assert secret not in text
    with pytest.raises(NotFound):
        await accounts.export(999)
