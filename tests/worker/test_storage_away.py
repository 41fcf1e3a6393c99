"""A storage that is away: what is made waits for it, and nothing fails or is made twice."""

import asyncio
from pathlib import Path

import pytest

from tests.worker.scripted import WORKER, ScriptedEngine, ended, hum, submit, working
from webapp.errors import StorageAway
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings

STALL_S = 100.0


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05, stop_grace_s=0.1,
        stall_s=STALL_S,
    )  # fmt: skip


class Away:
    """Refuses what is to be published until it is back; each time, a while has gone by."""

    def __init__(self, services: Services) -> None:
        self._publish = services.storage.publish
        self.tries = asyncio.Semaphore(0)
        self.is_back = False
        self.seconds = 0.0

    async def publish(self, key: str, staged: Path) -> None:
        self.tries.release()
        self.seconds += STALL_S * 0.9
        if not self.is_back:
            raise StorageAway("refused")
        await self._publish(key, staged)

    async def tried(self, times: int) -> None:
        async with asyncio.timeout(60):
            for _ in range(times):
                await self.tries.acquire()


@pytest.fixture
def away(services: Services, monkeypatch: pytest.MonkeyPatch) -> Away:
    away = Away(services)
    monkeypatch.setattr(services.storage, "publish", away.publish)
    return away


async def test_a_job_waits_for_the_storage_and_is_made_once(
    services: Services, ann: Identity, away: Away
) -> None:
    job_id, engine = await submit(services, ann), ScriptedEngine(hum)
    async with working(services, engine, now_s=lambda: away.seconds):
        await away.tried(3)
        assert (await services.queue.jobs.get(ann, job_id)).status == "processing"
        away.is_back = True
        assert (await ended(services, ann, job_id)).status == "completed"
    assert len(engine.seeds) == 1
    rows = await services.database.fetch("SELECT fence, retry_count, lost_workers FROM job")
    assert rows == [{"fence": 1, "retry_count": 0, "lost_workers": 0}]
    assert len(await services.storage.keys()) == 1


async def test_a_worker_that_stops_hands_back_what_waits(
    services: Services, ann: Identity, away: Away
) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(hum)):
        await away.tried(2)
    assert (await services.queue.jobs.get(ann, job_id)).status == "queued"
    rows = await services.database.fetch("SELECT retry_count, lost_workers FROM job")
    assert rows == [{"retry_count": 0, "lost_workers": 0}]
    assert list((services.settings.data_path / "staging").iterdir()) == []


async def test_what_became_another_workers_is_waited_with_no_longer(
    services: Services, ann: Identity, away: Away
) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(hum)):
        await away.tried(1)
        await services.queue.leases.take_back_from(WORKER)
        with services.bus.subscribe() as hints:
            async with asyncio.timeout(60):
                while (await services.database.fetch("SELECT fence FROM job"))[0]["fence"] < 2:
                    await hints.wait(0.05)
        away.is_back = True
        assert (await ended(services, ann, job_id)).status == "completed"
    keys = list(await services.storage.keys())
    assert [key.partition("-")[2] for key in keys] == ["2"]
