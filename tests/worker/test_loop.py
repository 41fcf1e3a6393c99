"""The worker's loop over a real database, with engines that do what the test wants."""

import asyncio
import dataclasses
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping

import pytest

from tests.stored import stored_path
from tests.worker.scripted import (
    WORKER,
    Gate,
    ScriptedEngine,
    ended,
    hum,
    loses_its_device,
    silence,
    submit,
    working,
)
from webapp.audio.waveform import Waveform
from webapp.clock import ManualClock
from webapp.engines.base import (
    EngineInfo,
    GenerationTask,
)
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.leases import Claim
from webapp.services.shared.lease_queries import Kept
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05, stop_grace_s=0.1
    )


async def test_a_job_becomes_files_that_were_written_aside(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(hum)):
        job = await ended(services, ann, job_id)
    assert job.sound is not None
    for extension in ("wav", "flac", "ogg", "mp3"):
        file = await services.library.files.audio_file(f"{job.sound.generation_id}.{extension}")
        path = stored_path(services, file.key, file.name)
        assert path.stat().st_mode & 0o777 == 0o600
    file = await services.library.files.picture_file(f"{job.sound.generation_id}.png")
    picture = stored_path(services, file.key, file.name)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert job.sound.bytes_total == sum(path.stat().st_size for path in picture.parent.iterdir())
    assert list((services.settings.data_path / "staging").iterdir()) == []


async def test_a_poor_take_is_made_again_with_another_seed_and_the_best_is_kept(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    engine = ScriptedEngine(silence, hum)
    async with working(services, engine):
        job = await ended(services, ann, job_id)
    assert len(set(engine.seeds)) == 2
    assert job.sound is not None
    assert job.sound.quality_score >= services.settings.low_quality_below
    assert job.sound.seed == engine.seeds[1] == job.seed
    assert job.retry_count == 0


async def test_silence_scores_zero_and_is_tried_three_times_at_most(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    engine = ScriptedEngine(silence)
    async with working(services, engine):
        job = await ended(services, ann, job_id)
    assert len(engine.seeds) == 3
    assert job.sound is not None
    assert (job.sound.quality_score, bool(job.sound.quality_reasons)) == (0, True)


async def test_a_seed_that_was_asked_for_is_never_changed(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann, seed=99)
    engine = ScriptedEngine(silence)
    async with working(services, engine):
        job = await ended(services, ann, job_id)
    assert engine.seeds == [99]
    assert job.seed == 99


class TestPatientStop:
    """With a grace period that is long enough."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, stop_grace_s=60)

    async def test_stop_lets_a_quick_job_finish(self, services: Services, ann: Identity) -> None:
        job_id, other = await submit(services, ann), await submit(services, ann)
        gate = Gate()
        async with working(services, ScriptedEngine(gate)) as processor:
            await gate.wait_started()
            processor.stop()
            gate.go_on.set()
        assert (await services.queue.jobs.get(ann, job_id)).status == "completed"
        assert (await services.queue.jobs.get(ann, other)).status == "queued"


async def test_stop_hands_a_long_job_back_to_its_place(services: Services, ann: Identity) -> None:
    job_id, _ = await submit(services, ann), await submit(services, ann)
    gate = Gate()
    async with working(services, ScriptedEngine(gate)):
        await gate.wait_started()
    job = await services.queue.jobs.get(ann, job_id)
    assert (job.status, job.position, job.retry_count, job.progress_pct) == ("queued", 1, 0, 0)


async def test_stop_does_not_wait_for_an_engine_that_heeds_nothing(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    gate = Gate(heeds_cancel=False)
    async with working(services, ScriptedEngine(gate)):
        await gate.wait_started()
    assert (await services.queue.jobs.get(ann, job_id)).status == "queued"
    gate.go_on.set()


async def test_a_worker_that_lost_its_lease_stops_the_engine_and_writes_nothing(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    gate = Gate()
    async with working(services, ScriptedEngine(gate, hum)):
        await gate.wait_started()
        assert await services.queue.leases.take_back_from(WORKER) == [job_id]
        job = await ended(services, ann, job_id)
    assert job.status == "completed"
    rows = await services.database.fetch("SELECT storage_key FROM sound")
    assert list(await services.storage.keys()) == [rows[0]["storage_key"]]
    assert rows[0]["storage_key"].endswith("-2"), "the second claim made it"


async def test_progress_is_seen_while_the_job_runs(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    gate = Gate()
    seen: list[int] = []
    async with working(services, ScriptedEngine(gate)):
        await gate.wait_started()
        with services.bus.subscribe() as hints:
            async with asyncio.timeout(60):
                while not seen or seen[-1] < 40:
                    seen.append((await services.queue.jobs.get(ann, job_id)).progress_pct)
                    await hints.wait(0.05)
        gate.go_on.set()
        await ended(services, ann, job_id)
    assert seen == sorted(seen)
    assert seen[-1] < 100


async def _reported(services: Services) -> bool:
    return any(worker.report for worker in await services.workers.registry.alive())


async def test_a_worker_taken_off_the_register_comes_back(services: Services, clock: ManualClock) -> None:
    async with working(services, ScriptedEngine(hum)):
        await _until(services, lambda: services.workers.registry.last_heartbeat_ms(WORKER))
        clock.advance_s(3600)
        await services.workers.registry.remove(WORKER)
        # First it enters itself, then it says what it has.
        await _until(services, lambda: _reported(services))
        (worker,) = await services.workers.registry.alive()
    assert (worker.worker_id, worker.host, set(worker.report["models"])) == (
        WORKER,
        "here",
        {"music", "audio", "magnet"},
    )


async def _until(services: Services, look: Callable[[], Awaitable[object]]) -> None:
    with services.bus.subscribe() as hints:
        async with asyncio.timeout(60):
            while not await look():
                await hints.wait(0.05)


class TestStall:
    """With little patience for an engine that does not move."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(
            data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, stop_grace_s=0.1, stall_s=0.3
        )

    async def test_a_generation_that_stands_still_ends_its_process_and_goes_back_in_line(
        self, services: Services, ann: Identity
    ) -> None:
        job_id = await submit(services, ann)
        gate, ended = Gate(heeds_cancel=False), asyncio.Event()
        async with working(services, ScriptedEngine(gate), ended.set):
            await gate.wait_started()
            async with asyncio.timeout(60):
                await ended.wait()
            job = await services.queue.jobs.get(ann, job_id)
            rows = await services.database.fetch("SELECT lost_workers, retry_count FROM job")
            gate.go_on.set()
        assert job.status == "queued"
        assert rows == [{"lost_workers": 1, "retry_count": 0}]

    async def test_a_load_that_stands_still_does_too_and_the_log_says_that_it_is_one(
        self, services: Services, ann: Identity, caplog: pytest.LogCaptureFixture
    ) -> None:
        job_id = await submit(services, ann)
        may_load, ended = threading.Event(), asyncio.Event()

        class HangingLoad(ScriptedEngine):
            def info(self, model: str) -> EngineInfo:
                return dataclasses.replace(super().info(model), needs_load=True)

            def load(self, model: str) -> None:
                may_load.wait(60)

        async with working(services, HangingLoad(hum), ended.set):
            async with asyncio.timeout(60):
                await ended.wait()
            status = (await services.queue.jobs.get(ann, job_id)).status
            may_load.set()
        assert status == "queued"
        assert "loading music stands still; the worker gives up" in caplog.messages


async def test_a_lost_device_ends_the_process_and_its_jobs_go_back_in_line(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    ended = asyncio.Event()
    async with working(services, ScriptedEngine(loses_its_device), ended.set):
        async with asyncio.timeout(60):
            await ended.wait()
        job = await services.queue.jobs.get(ann, job_id)
        rows = await services.database.fetch("SELECT lost_workers, retry_count FROM job")
    assert job.status == "queued"
    assert rows == [{"lost_workers": 1, "retry_count": 0}]


class OneAtATime(ScriptedEngine):
    """Says that it makes two sounds at once, and makes one after the other, as steps are allowed."""

    def __init__(self) -> None:
        super().__init__(hum)
        self.stepped = threading.Semaphore(0)
        self.may_step = threading.Semaphore(0)

    def info(self, model: str) -> EngineInfo:
        return dataclasses.replace(super().info(model), max_batch=2)

    def _play(self, task: GenerationTask) -> Waveform:
        for _ in range(2):
            task.progressed(0.5)
            self.stepped.release()
            assert self.may_step.acquire(timeout=60)
        return super()._play(task)


class TestWaiting:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, stall_s=100)

    async def test_a_job_that_waits_for_one_that_moves_does_not_stand_still(
        self, services: Services, ann: Identity, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        jobs = [await submit(services, ann), await submit(services, ann)]
        engine, given_up, beats = OneAtATime(), asyncio.Event(), asyncio.Semaphore(0)
        keep, seconds = services.queue.leases.keep, [0.0]

        async def counted(worker_id: str, claims: Iterable[Claim], progress_pct: Mapping[str, int]) -> Kept:
            beats.release()
            return await keep(worker_id, claims, progress_pct)

        async def beat_twice() -> None:
            while not beats.locked():
                await beats.acquire()
            async with asyncio.timeout(60):
                await beats.acquire()
                await beats.acquire()

        monkeypatch.setattr(services.queue.leases, "keep", counted)
        async with working(services, engine, given_up.set, now_s=lambda: seconds[0]):
            assert await asyncio.to_thread(engine.stepped.acquire, timeout=60)
            with services.bus.subscribe() as hints:
                async with asyncio.timeout(60):
                    while (await services.queue.jobs.get(ann, jobs[1])).status != "processing":
                        await hints.wait(0.05)
            seconds[0] = 90
            engine.may_step.release()
            assert await asyncio.to_thread(engine.stepped.acquire, timeout=60)
            seconds[0] = 180
            await beat_twice()
            assert not given_up.is_set(), "the second job has waited for 180 s, the first moved 90 s ago"
            seconds[0] = 300
            async with asyncio.timeout(60):
                await given_up.wait()
            engine.may_step.release(8)
