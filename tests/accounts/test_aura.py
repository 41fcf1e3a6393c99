"""The ledger of Aura."""

import asyncio
from collections import Counter

import pytest

from webapp.database import Database
from webapp.errors import InvalidRequest, NotFound
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import MAX_BALANCE, Aura, AuraMismatch
from webapp.services.accounts.identity import Identity


async def test_each_change_is_a_line_with_its_reason(aura: Aura, ada: Identity) -> None:
    assert await aura.grant(ada.account_id, 50, reason=" Thank you ", author="root") == 50
    assert await aura.grant(ada.account_id, -8, reason="Mistake", author="root") == 42
    assert await aura.entry(ada.account_id, "skip", -3, reason="Skip", job_id="a1b2c3d4e5f6") == 39
    lines = await aura.ledger(ada.account_id)
    assert [
        (line.kind, line.amount, line.balance_after, line.reason, line.job_id, line.author) for line in lines
    ] == [
        ("skip", -3, 39, "Skip", "a1b2c3d4e5f6", None),
        ("adjustment", -8, 42, "Mistake", None, "root"),
        ("grant", 50, 50, "Thank you", None, "root"),
    ]
    assert await aura.balance(ada.account_id) == 39
    assert await aura.verify() == []


async def test_the_ledger_comes_in_pages(aura: Aura, ada: Identity) -> None:
    for amount in range(1, 6):
        await aura.grant(ada.account_id, amount, reason="Gift", author="root")
    first = await aura.ledger(ada.account_id, limit=2)
    second = await aura.ledger(ada.account_id, limit=2, before_id=first[-1].entry_id)
    assert [line.amount for line in (*first, *second)] == [5, 4, 3, 2]


async def test_a_balance_never_falls_below_zero(aura: Aura, ada: Identity) -> None:
    await aura.grant(ada.account_id, 5, reason="Gift", author="root")
    with pytest.raises(InvalidRequest, match="Insufficient Aura balance"):
        await aura.entry(ada.account_id, "skip", -6, reason="Skipped the queue")
    assert await aura.balance(ada.account_id) == 5
    assert len(await aura.ledger(ada.account_id)) == 1


async def test_of_many_who_spend_at_once_only_those_with_cover_succeed(aura: Aura, ada: Identity) -> None:
    await aura.grant(ada.account_id, 20, reason="Gift", author="root")

    async def spend() -> str:
        try:
            await aura.entry(ada.account_id, "skip", -3, reason="Skipped the queue")
        except InvalidRequest as error:
            return error.message
        return "spent"

    outcomes = Counter(await asyncio.gather(*(spend() for _ in range(50))))
    assert outcomes == {"spent": 6, "Insufficient Aura balance": 44}
    assert await aura.balance(ada.account_id) == 2
    assert {line.balance_after for line in await aura.ledger(ada.account_id)} == {20, 17, 14, 11, 8, 5, 2}
    assert await aura.verify() == []


async def test_a_line_is_undone_with_its_transaction(database: Database, aura: Aura, ada: Identity) -> None:
    await aura.grant(ada.account_id, 5, reason="Gift", author="root")

    async def spend_and_fail() -> None:
        async with database.transaction():
            await aura.entry(ada.account_id, "skip", -3, reason="Skipped the queue")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await spend_and_fail()
    assert await aura.balance(ada.account_id) == 5
    assert await aura.verify() == []


async def test_a_job_is_charged_once_whatever_the_code_does(aura: Aura, ada: Identity) -> None:
    await aura.grant(ada.account_id, 50, reason="Gift", author="root")
    charges = (aura.entry(ada.account_id, "skip", -3, reason="Skip", job_id="a1b2c3d4e5f6") for _ in range(2))
    outcomes = await asyncio.gather(*charges, return_exceptions=True)
    assert sum(isinstance(outcome, Exception) for outcome in outcomes) == 1
    assert await aura.balance(ada.account_id) == 47
    assert await aura.verify() == []


async def test_what_cannot_be_granted(aura: Aura, ada: Identity) -> None:
    for amount in (0, MAX_BALANCE + 1, -MAX_BALANCE - 1, 10**30):
        with pytest.raises(InvalidRequest, match="Amount must be"):
            await aura.grant(ada.account_id, amount, reason="Gift", author="root")


async def test_a_balance_has_an_upper_end(aura: Aura, ada: Identity) -> None:
    await aura.grant(ada.account_id, MAX_BALANCE, reason="Gift", author="root")
    with pytest.raises(InvalidRequest, match="Aura balance is at its limit"):
        await aura.grant(ada.account_id, 1, reason="Gift", author="root")


async def test_a_grant_needs_a_reason_on_one_line(aura: Aura, ada: Identity) -> None:
    for reason in ("", "  ", "x" * 201, "two\nlines", "nul\0"):
        with pytest.raises(InvalidRequest, match="A reason is required"):
            await aura.grant(ada.account_id, 1, reason=reason, author="root")


async def test_nobody_is_granted_nothing(aura: Aura) -> None:
    with pytest.raises(NotFound, match="Account not found"):
        await aura.grant(999, 1, reason="Gift", author="root")


async def test_a_balance_that_was_tampered_with_is_found(
    database: Database, aura: Aura, accounts: Accounts, ada: Identity
) -> None:
    await aura.grant(ada.account_id, 5, reason="Gift", author="root")
    bob = await accounts.register("bob", "correct horse", address="10.0.0.1")
    await database.fetch("UPDATE account SET aura_balance = aura_balance + 1 WHERE id = {}", bob.account_id)
    assert await aura.verify() == [AuraMismatch(bob.account_id, balance=1, entries_sum=0)]
