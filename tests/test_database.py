"""Transactions on both databases."""

import asyncio

import pytest

from webapp.database import Database
from webapp.database.shared_check import SharedCheck


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


class TestChangeToken:
    """The token that says whether anything was committed."""

    async def test_stays_while_nothing_is_committed(self, database: Database) -> None:
        # A server may do some housekeeping of its own at any moment, but not all the time.
        pairs = [(await database.change_token(), await database.change_token()) for _ in range(10)]
        assert sum(first == second for first, second in pairs) >= 8

    async def test_differs_after_a_commit_of_this_process(self, database: Database) -> None:
        before = await database.change_token()
        async with database.transaction(durable=False):
            await database.fetch("UPDATE queue_state SET version = version + 1")
        assert await database.change_token() != before

    async def test_differs_after_a_commit_elsewhere(
        self, database: Database, other_database: Database
    ) -> None:
        before = await database.change_token()
        async with other_database.transaction():
            await other_database.fetch("UPDATE queue_state SET version = version + 1")
        assert await database.change_token() != before

    async def test_does_not_wait_for_a_writer(self, database: Database, other_database: Database) -> None:
        before = await database.change_token()
        async with other_database.transaction():
            await other_database.fetch("UPDATE queue_state SET version = version + 1")
            async with asyncio.timeout(5):
                await database.change_token()
        assert await database.change_token() != before


class TestSharedCheck:
    """One question for everybody."""

    async def test_those_who_come_together_share_and_late_ones_get_a_later_answer(self) -> None:
        asked: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue()

        async def ask() -> int:
            answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            asked.put_nowait(answer)
            return await answer

        check = SharedCheck(ask)
        async with asyncio.timeout(5):
            early = [asyncio.create_task(check.answer()) for _ in range(3)]
            first = await asked.get()
            late = [asyncio.create_task(check.answer()) for _ in range(3)]
            await asyncio.sleep(0)
            first.set_result(1)
            assert await asyncio.gather(*early) == [1, 1, 1]
            second = await asked.get()
            second.set_result(2)
            assert await asyncio.gather(*late) == [2, 2, 2]
        assert asked.empty()

    async def test_a_failure_reaches_those_who_asked_and_nobody_later(self) -> None:
        answers: list[int | Exception] = [RuntimeError("away"), 7]

        async def ask() -> int:
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        check = SharedCheck(ask)
        with pytest.raises(RuntimeError, match="away"):
            await check.answer()
        assert await check.answer() == 7

    async def test_one_who_leaves_does_not_take_the_answer_from_others(self) -> None:
        open_gate = asyncio.Event()

        async def ask() -> int:
            await open_gate.wait()
            return 1

        check = SharedCheck(ask)
        leaving, staying = (asyncio.create_task(check.answer()) for _ in range(2))
        await asyncio.sleep(0)
        leaving.cancel()
        open_gate.set()
        assert await staying == 1
        assert leaving.cancelled()


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_transaction_that_is_open_when_the_pool_closes_still_ends_well(
    database: Database, other_database: Database
) -> None:
    before = await _version(other_database)
    inside, may_end = asyncio.Event(), asyncio.Event()

    async def add_one() -> None:
        async with database.transaction():
            await database.fetch("UPDATE queue_state SET version = version + 1")
            inside.set()
            await may_end.wait()

    task = asyncio.create_task(add_one())
    await inside.wait()
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    may_end.set()
    await task
    await closing
    assert await _version(other_database) == before + 1
    with pytest.raises(RuntimeError, match="not open"):
        await database.fetch("SELECT 1")


async def test_checks_hold_in_the_database_itself(database: Database) -> None:
    columns = "username, username_key, password_hash, aura_balance, created_ms"
    with pytest.raises(Exception, match="balance_not_negative"):
        async with database.transaction():
            await database.fetch(f"INSERT INTO account ({columns}) VALUES ('a', 'a', 'x', -1, 1)")
