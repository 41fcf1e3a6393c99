"""What becomes of jobs whose engine fails, and what people and logs are told."""

import pytest

from tests.worker.scripted import (
    Behaviour,
    ScriptedEngine,
    bug,
    cancels_itself,
    ended,
    hum,
    no_memory,
    no_space,
    read_only,
    submit,
    times_out,
    working,
)
from webapp.audio.waveform import Waveform
from webapp.engines.base import (
    CancelToken,
    EngineOutOfMemory,
    GenerationCancelled,
    GenerationRequest,
    ModelLoadError,
)
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(
        data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05, stop_grace_s=0.1
    )


async def test_memory_errors_are_retried_and_then_told_in_plain_words(
    services: Services, ann: Identity
) -> None:
    job_id = await submit(services, ann)
    engine = ScriptedEngine(no_memory)
    async with working(services, engine):
        job = await ended(services, ann, job_id)
    assert (job.status, job.error, job.retry_count) == ("failed", EngineOutOfMemory.user_message, 2)
    assert len(engine.seeds) == 3
    assert list((services.settings.data_path / "sounds").iterdir()) == []


async def test_one_bad_attempt_is_made_up_for(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(bug, hum)):
        job = await ended(services, ann, job_id)
    assert (job.status, job.retry_count) == ("completed", 1)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (bug, "Something went wrong while generating"),
        (no_space, "The server has no disk space left"),
        (read_only, "The server cannot write to its data folder"),
        (times_out, "Something went wrong while generating"),
        (cancels_itself, GenerationCancelled.user_message),
    ],
)
async def test_errors_never_show_their_insides(
    services: Services, ann: Identity, behaviour: Behaviour, words: str
) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(behaviour)):
        job = await ended(services, ann, job_id)
    assert job.error == words


def _not_loaded(_request: GenerationRequest, _cancel: CancelToken) -> Waveform:
    raise ModelLoadError("t5.bin is damaged")


@pytest.mark.parametrize(("behaviour", "has_traceback"), [(_not_loaded, False), (bug, True)])
async def test_why_a_model_is_not_there_is_told_in_one_line(
    services: Services,
    ann: Identity,
    caplog: pytest.LogCaptureFixture,
    behaviour: Behaviour,
    has_traceback: bool,
) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(behaviour)):
        await ended(services, ann, job_id)
    failures = [record for record in caplog.records if record.message == "attempt failed"]
    assert len(failures) == 3
    assert all((record.exc_info is not None) is has_traceback for record in failures)
