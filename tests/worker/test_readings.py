"""What an engine made of a prompt is kept with the sound."""

import pytest

from tests.factories import choice
from tests.worker.scripted import ScriptedEngine, ended, hum, submit, working
from webapp.engines.sketch.engine import SketchEngine
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.library.sounds import PromptReading
from webapp.settings import Settings


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


async def test_what_a_rule_based_engine_made_of_the_prompt_is_kept_with_the_sound(
    services: Services, ann: Identity
) -> None:
    submitted = await services.queue.submissions.submit(
        ann, choice("slow piano, blorptastic", duration_s=1.0)
    )
    async with working(services, SketchEngine()):
        job = await ended(services, ann, submitted.job_id)
    assert job.sound is not None
    assert job.sound.reading == PromptReading((("slow", "tempo"), ("piano", "piano")), ("blorptastic",))
    _, shown = await services.library.details.of(ann, job.sound.generation_id)
    assert shown.reading == job.sound.reading


async def test_an_engine_that_follows_no_rules_tells_nothing(services: Services, ann: Identity) -> None:
    job_id = await submit(services, ann)
    async with working(services, ScriptedEngine(hum)):
        job = await ended(services, ann, job_id)
    assert job.sound is not None
    assert job.sound.reading is None
