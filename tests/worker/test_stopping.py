"""A job that its owner stops while a worker is at it."""

import asyncio
import threading
import time

import pytest

from tests.worker.scripted import ScriptedEngine, ended, hum, submit, working
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, GenerationCancelled, GenerationRequest
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05, stop_grace_s=0.1
    )


async def test_a_stopped_job_is_dropped_between_two_steps(services: Services, ann: Identity) -> None:
    job_id, next_id = await submit(services, ann), await submit(services, ann)
    dropped = threading.Event()

    def steps_on(request: GenerationRequest, cancel: CancelToken) -> Waveform:
        del request
        told.set()
        while not cancel.cancelled:
            time.sleep(0.001)  # a step
        dropped.set()
        raise GenerationCancelled

    told = threading.Event()
    async with working(services, ScriptedEngine(steps_on, hum)):
        await asyncio.to_thread(told.wait, 30)
        await services.queue.jobs.stop(ann, job_id)
        assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"
        assert (await ended(services, ann, next_id)).status == "completed"
    assert dropped.is_set()
    assert (await services.queue.jobs.get(ann, job_id)).status == "cancelled"
    assert len(list(await services.storage.keys())) == 1
