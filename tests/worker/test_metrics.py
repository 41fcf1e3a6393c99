"""What a worker measures of itself as it works."""

import pytest

from tests.worker.scripted import ScriptedEngine, ended, hum, no_memory, no_space, submit, times_out, working
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.workers.metrics import WorkerMetrics
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


def _value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(f"soundloom_{name}", labels)


async def test_a_sound_is_counted_from_claim_to_end(services: Services, ann: Identity) -> None:
    metrics = WorkerMetrics()
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(hum), metrics=metrics):
        await ended(services, ann, job_id)
    engine = ScriptedEngine(hum).info("music").engine
    assert _value(metrics, "jobs_claimed_total", model="music") == 1
    assert _value(metrics, "job_wait_seconds_count", model="music") == 1
    assert _value(metrics, "attempts_total", model="music", outcome="completed") == 1
    assert _value(metrics, "time_to_sound_seconds_count", model="music") == 1
    assert (_value(metrics, "audio_seconds_total", model="music", engine=engine) or 0) > 0
    assert _value(metrics, "batch_jobs", model="music") == 0


async def test_failures_count_no_audio_and_tell_retries_from_ends(services: Services, ann: Identity) -> None:
    metrics = WorkerMetrics()
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(no_memory), metrics=metrics):
        await ended(services, ann, job_id)
    retried = _value(metrics, "attempts_total", model="music", outcome="retried") or 0
    assert retried == services.settings.retries
    assert _value(metrics, "attempts_total", model="music", outcome="failed") == 1
    assert _value(metrics, "attempts_total", model="music", outcome="completed") is None
    assert _value(metrics, "time_to_sound_seconds_count", model="music") is None
    assert _value(metrics, "batch_jobs", model="music") == 0


async def test_only_what_cannot_be_written_counts_against_the_storage(
    services: Services, ann: Identity
) -> None:
    counted = []
    for behaviour in (times_out, no_space):
        metrics = WorkerMetrics()
        job_id = await submit(services, ann)
        async with working(services, ScriptedEngine(behaviour), metrics=metrics):
            await ended(services, ann, job_id)
        counted.append(_value(metrics, "storage_errors_total"))
    assert counted == [0, services.settings.retries + 1]
