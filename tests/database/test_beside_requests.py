"""What is written beside a request: it fails no read, delays none, and is not lost while it can be kept."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest

from tests.factories import MakeAccount, choice
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.errors import DatabaseAway, LimitReached, StorageFull
from webapp.services.accounts.tokens import RECORD_USE_EVERY_MS
from webapp.services.container import Services
from webapp.services.shared.best_effort import BestEffort
from webapp.web.app import create_app

# Far below the time that a writer waits for a lock.
AT_ONCE_S = 5
LATER_S = RECORD_USE_EVERY_MS / 1000 + 1


@asynccontextmanager
async def _client(services: Services, token: str) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(services))  # type: ignore[arg-type]  # ASGI as Litestar types it
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What the services say from now on."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("webapp.services").addHandler(handler)
    yield lines
    logging.getLogger("webapp.services").removeHandler(handler)


async def _written(database: Database) -> tuple[int | None, int]:
    tokens = await database.fetch("SELECT last_used_ms FROM api_token")
    sessions = await database.fetch("SELECT last_seen_ms FROM web_session")
    return tokens[0]["last_used_ms"], sessions[0]["last_seen_ms"]


class TestLastUse:
    """When a token or session was last used."""

    async def test_is_written_soon_and_known_at_once(
        self, services: Services, make_account: MakeAccount, clock: ManualClock
    ) -> None:
        ann = await make_account()
        token, _ = await services.accounts.tokens.create(ann.account_id)
        session = await services.accounts.sessions.create(ann.account_id)
        clock.advance_s(LATER_S)
        assert await services.accounts.tokens.identity_for(token)
        assert await services.accounts.sessions.resolve(session)
        now_ms = clock.now_ms()
        assert (await services.accounts.tokens.list(ann.account_id))[0].last_used_ms == now_ms
        assert (await services.accounts.sessions.list(ann.account_id))[0].last_seen_ms == now_ms
        async with asyncio.timeout(60):
            while await _written(services.database) != (now_ms, now_ms):
                continue

    async def test_fails_no_request_and_is_written_when_it_can_be(
        self,
        services: Services,
        make_account: MakeAccount,
        clock: ManualClock,
        monkeypatch: pytest.MonkeyPatch,
        log: list[str],
    ) -> None:
        ann = await make_account()
        token, _ = await services.accounts.tokens.create(ann.account_id)
        session = await services.accounts.sessions.create(ann.account_id)
        tried = 0

        def full(**_options: object) -> object:
            nonlocal tried
            tried += 1
            raise StorageFull("full")

        with monkeypatch.context() as patch:
            patch.setattr(services.database, "transaction", full)
            for _ in range(40):
                # For longer than a session lives without being used.
                clock.advance_s(86_400)
                for _ in range(3):
                    assert await services.accounts.tokens.identity_for(token)
                    assert await services.accounts.sessions.resolve(session)
        assert tried > 2
        assert len([line for line in log if "last use" in line]) == 2, "one line for each kind"
        clock.advance_s(LATER_S)
        now_ms = clock.now_ms()
        async with asyncio.timeout(60):
            while await _written(services.database) != (now_ms, now_ms):
                await services.accounts.tokens.identity_for(token)
                await services.accounts.sessions.resolve(session)


class TestForeignLock:
    """Another process holds SQLite's write lock."""

    @pytest.fixture(params=["sqlite"])
    def database_url(self, migrated_sqlite_file: Path, tmp_path: Path) -> str:
        (tmp_path / "soundloom.sqlite").write_bytes(migrated_sqlite_file.read_bytes())
        return ""

    async def test_reads_go_on_at_once(
        self, services: Services, make_account: MakeAccount, clock: ManualClock, tmp_path: Path
    ) -> None:
        ann = await make_account()
        token, _ = await services.accounts.tokens.create(ann.account_id)
        job_id = (await services.queue.submissions.submit(ann, choice())).job_id
        loop = asyncio.get_running_loop()
        with closing(sqlite3.connect(tmp_path / "soundloom.sqlite", isolation_level=None)) as holder:
            async with _client(services, token) as client:
                holder.execute("BEGIN IMMEDIATE")
                asked_s = loop.time()
                for _ in range(3):
                    clock.advance_s(LATER_S)
                    for path, status in (
                        ("/queue-status", 200),
                        (f"/job/{job_id}", 200),
                        ("/api/my-generations", 200),
                        ("/status", 200),
                        ("/queue", 200),
                        ("/audio/" + "0" * 20 + ".wav", 404),
                        ("/readyz", 200),
                    ):
                        assert (await client.get(path)).status_code == status, path
                    wrong = {"Authorization": "Bearer sl_wrong"}
                    assert (await client.get("/queue-status", headers=wrong)).status_code in {200, 401}
                    assert (await client.get("/api/my-generations", headers=wrong)).status_code == 401
                assert loop.time() - asked_s < AT_ONCE_S
                holder.execute("ROLLBACK")


class TestBestEffort:
    """Counts that a read takes along."""

    async def test_all_are_done_while_they_can_be(self) -> None:
        done = 0

        async def work() -> None:
            nonlocal done
            await asyncio.sleep(0)
            done += 1

        effort = BestEffort("counting")
        await asyncio.gather(*(effort.write(work) for _ in range(20)))
        assert done == 20

    @pytest.mark.parametrize("error", [StorageFull("full"), DatabaseAway("locked")])
    async def test_failures_are_said_once_and_not_tried_at_every_request(
        self, error: Exception, log: list[str]
    ) -> None:
        tried = 0

        async def fail() -> None:
            nonlocal tried
            tried += 1
            raise error

        effort = BestEffort("counting", retry_s=3_600)
        for _ in range(5):
            await effort.write(fail)
        assert tried == 1
        assert len(log) == 1

    async def test_a_refusal_is_passed_on(self) -> None:
        async def refuse() -> None:
            raise LimitReached("no", retry_after_s=1)

        with pytest.raises(LimitReached):
            await BestEffort("counting").write(refuse)

    async def test_what_takes_long_is_not_waited_for_and_done_all_the_same(self, log: list[str]) -> None:
        may_go_on, done = asyncio.Event(), asyncio.Event()

        async def slow() -> None:
            await may_go_on.wait()
            done.set()

        effort = BestEffort("counting", patience_s=0.01)
        async with asyncio.timeout(AT_ONCE_S):
            for _ in range(5):
                await effort.write(slow)
            assert not done.is_set()
            may_go_on.set()
            await done.wait()
        assert log[0] == "counting is not to be had for now; trying again"
