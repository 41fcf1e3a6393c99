"""Jobs of one model are made together, and nobody in line is overtaken for it."""

import asyncio
import threading

import pytest

from tests.factories import choice
from tests.worker.scripted import RATE, ended, hum, working
from webapp.engines.base import (
    CancelToken,
    EngineInfo,
    EngineOutOfMemory,
    GenerationCancelled,
    GenerationTask,
    TaskSource,
)
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.worker.engine_set import EngineSet

PLACES = 3


class TogetherEngine:
    """Takes what joins until it is told to go on, then ends all that it has."""

    name = "together"
    models = ("music", "audio", "magnet")

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.go_on = threading.Semaphore(0)
        self.fails: set[str] = set()
        self._joined = threading.Condition()

    def info(self, model: str) -> EngineInfo:
        return EngineInfo("together", "together", model, 180, RATE, 1, "", PLACES, needs_load=False)

    def load(self, model: str) -> None: ...

    def unload(self, model: str) -> None: ...

    def serve(self, model: str, source: TaskSource) -> None:
        in_hand: list[GenerationTask] = []
        self.batches.append([])
        while True:
            joining = source.take(PLACES - len(in_hand))
            in_hand += joining
            if not in_hand:
                return
            with self._joined:
                self.batches[-1] += [task.request.prompt for task in joining]
                self._joined.notify_all()
            for task in [task for task in in_hand if task.cancel.cancelled]:
                in_hand.remove(task)
                task.failed(GenerationCancelled())
            if not self.go_on.acquire(timeout=0.01):
                continue
            for task in in_hand:
                if task.request.prompt in self.fails:
                    task.failed(EngineOutOfMemory())
                else:
                    task.finished(hum(task.request, CancelToken()))
            in_hand.clear()

    async def has(self, *prompts: str) -> None:
        """Wait until these are the last batch."""

        def wait() -> bool:
            with self._joined:
                return self._joined.wait_for(
                    lambda: bool(self.batches) and set(self.batches[-1]) == set(prompts), 60
                )

        assert await asyncio.to_thread(wait), self.batches


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir,
        disk_reserve_mb=0,
        heartbeat_s=0.02,
        poll_s=0.05,
        stop_grace_s=0.1,
        retries=0,
    )


async def _submit(services: Services, identity: Identity, prompt: str, model: str = "music") -> str:
    wanted = choice(prompt=prompt, model=model, duration_s=1, seed=1)
    return (await services.queue.submissions.submit(identity, wanted)).job_id


async def test_jobs_join_those_in_hand_while_they_are_next_in_line(services: Services, ann: Identity) -> None:
    engine = TogetherEngine()
    async with working(services, engine):
        jobs = [await _submit(services, ann, "a")]
        await engine.has("a")
        jobs.append(await _submit(services, ann, "b"))
        await engine.has("a", "b")
        jobs.append(await _submit(services, ann, "c", "audio"))
        jobs.append(await _submit(services, ann, "d"))
        in_line = [
            job.job_id for job in (await services.queue.reader.snapshot()).jobs if job.status == "queued"
        ]
        assert in_line == jobs[2:], "another model is next, so nobody joins"
        for prompts in (("a", "b"), ("c",), ("d",)):
            await engine.has(*prompts)
            engine.go_on.release()
        for job_id in jobs:
            assert (await ended(services, ann, job_id)).status == "completed"
    assert [batch for batch in engine.batches if batch] == [["a", "b"], ["c"], ["d"]]


async def test_a_full_batch_takes_no_more(services: Services, ann: Identity) -> None:
    jobs = [await _submit(services, ann, prompt) for prompt in "abcd"]
    engine = TogetherEngine()
    async with working(services, engine):
        await engine.has("a", "b", "c")
        assert (await services.queue.jobs.get(ann, jobs[3])).status == "queued"
        engine.go_on.release(2)
        for job_id in jobs:
            assert (await ended(services, ann, job_id)).status == "completed"


async def test_what_goes_wrong_with_one_job_is_its_own(services: Services, ann: Identity) -> None:
    jobs = [await _submit(services, ann, prompt) for prompt in "abc"]
    engine = TogetherEngine()
    engine.fails.add("b")
    async with working(services, engine):
        await engine.has("a", "b", "c")
        engine.go_on.release()
        states = [(await ended(services, ann, job_id)).status for job_id in jobs]
    assert states == ["completed", "failed", "completed"]


async def test_a_stop_hands_every_job_of_the_batch_back_in_order(services: Services, ann: Identity) -> None:
    jobs = [await _submit(services, ann, prompt) for prompt in "abc"]
    engine = TogetherEngine()
    async with working(services, engine) as processor:
        await engine.has("a", "b", "c")
        processor.stop()
    snapshot = await services.queue.reader.snapshot()
    assert [job.job_id for job in snapshot.jobs] == jobs
    assert {job.status for job in snapshot.jobs} == {"queued"}


async def test_looking_after_models_keeps_nobody_from_joining(services: Services, ann: Identity) -> None:
    loop, looked = asyncio.get_running_loop(), asyncio.Semaphore(0)

    class Watched(EngineSet):
        def has_other_weights(self) -> bool:
            loop.call_soon_threadsafe(looked.release)
            return super().has_other_weights()

    engine = TogetherEngine()
    async with working(services, engine, engines=Watched(dict.fromkeys(engine.models, engine)), look_s=0.02):
        jobs = [await _submit(services, ann, "a")]
        await engine.has("a")
        for _ in range(3):
            async with asyncio.timeout(60):
                await looked.acquire()
        jobs.append(await _submit(services, ann, "b"))
        await engine.has("a", "b")
        engine.go_on.release()
        for job_id in jobs:
            assert (await ended(services, ann, job_id)).status == "completed"
