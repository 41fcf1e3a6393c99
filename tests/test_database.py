"""Transactions on both databases."""

import asyncio

import pytest

from webapp.database import Database


async def _version(database: Database) -> int:
    rows = await database.fetch("SELECT version FROM queue_state")
    version: int = rows[0]["version"]
    return version


async def test_a_transaction_that_raises_leaves_nothing(database: Database) -> None:
    before = await _version(database)

    async def fail_inside() -> None:
        async with database.transaction():
            await database.fetch("UPDATE queue_state SET version = version + 1")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail_inside()
    assert await _version(database) == before


async def test_concurrent_transactions_lose_no_update(database: Database) -> None:
    before = await _version(database)

    async def add_one() -> None:
        async with database.transaction():
            rows = await database.fetch(
                "SELECT version FROM queue_state FOR UPDATE"
                if database.dialect == "postgres"
                else "SELECT version FROM queue_state"
            )
            await database.fetch("UPDATE queue_state SET version = {}", rows[0]["version"] + 1)

    await asyncio.gather(*(add_one() for _ in range(30)))
    assert await _version(database) == before + 30


async def test_a_cancelled_transaction_rolls_back_and_frees_the_database(database: Database) -> None:
    before = await _version(database)
    inside = asyncio.Event()

    async def never_ends() -> None:
        async with database.transaction():
            await database.fetch("UPDATE queue_state SET version = version + 1")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(never_ends())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5), database.transaction():
        pass
    assert await _version(database) == before


async def test_checks_hold_in_the_database_itself(database: Database) -> None:
    columns = "username, username_key, password_hash, aura_balance, created_ms"
    with pytest.raises(Exception, match="balance_not_negative"):
        async with database.transaction():
            await database.fetch(f"INSERT INTO account ({columns}) VALUES ('a', 'a', 'x', -1, 1)")
