"""Jobs that continue a sound: what is kept of it, what goes on, and what happens when it is gone."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import soundfile

from tests.factories import choice
from tests.worker.scripted import ended, working
from webapp.audio.encode import PcmSamples
from webapp.audio.joining import SEAM_S
from webapp.engines.sketch.engine import SketchEngine
from webapp.policy.continuations import Ancestor, ContinuationChoice, SoundSource
from webapp.policy.generation import GenerationChoice
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.library.sounds import SoundView
from webapp.settings import Settings
from webapp.tables import SoundMaterial

PROMPT = "calm piano"
GONE = "The sound to continue was deleted"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


def going_on(source: str, from_s: float | None, duration_s: float, prompt: str = PROMPT) -> GenerationChoice:
    continuation = ContinuationChoice(SoundSource(source), from_s)
    return replace(choice(prompt, duration_s=duration_s), continuation=continuation)


async def made(services: Services, ann: Identity, asked: GenerationChoice) -> SoundView:
    submitted = await services.queue.submissions.submit(ann, asked)
    job = await ended(services, ann, submitted.job_id)
    assert job.sound is not None, job.error
    return job.sound


async def pcm(
    services: Services, sound: SoundView, audio_format: str = "wav"
) -> "np.ndarray[tuple[int, ...], np.dtype[np.int16]]":
    file = await services.library.files.audio_file(f"{sound.generation_id}.{audio_format}")
    stored = await services.library.files.open(file)
    data = b"".join([piece async for piece in stored.read(0, stored.size_bytes)])
    stored.close()
    samples: PcmSamples = soundfile.read(BytesIO(data), dtype="int16", always_2d=True)[0]
    return samples


async def test_the_first_part_is_the_originals_to_the_bit_and_twice_gives_two(
    services: Services, ann: Identity
) -> None:
    async with working(services, SketchEngine()):
        source = await made(services, ann, choice(PROMPT, duration_s=3.0))
        one = await made(services, ann, going_on(source.generation_id, 2.0, 4.0))
        other = await made(services, ann, going_on(source.generation_id, 2.0, 4.0))
        third = await made(services, ann, going_on(one.generation_id, None, 5.5, "solo flute"))
    before, after, again, longest = [await pcm(services, each) for each in (source, one, other, third)]
    exact = round((2.0 - SEAM_S) * source.sample_rate)
    assert np.array_equal(after[:exact], before[:exact])
    assert np.array_equal(again[:exact], before[:exact])
    assert np.array_equal(
        longest[: round((4.0 - SEAM_S) * source.sample_rate)],
        after[: round((4.0 - SEAM_S) * source.sample_rate)],
    )
    assert not np.array_equal(after, again)
    assert [each.duration_s for each in (one, other, third)] == [4.0, 4.0, 5.5]
    assert np.array_equal(await pcm(services, one, "flac"), after)
    job = (await services.queue.jobs.of_account(ann.account_id))[0]
    assert job.continuation is not None
    assert job.continuation.lineage == (Ancestor(source.generation_id, 2.0), Ancestor(one.generation_id, 4.0))
    kept = await SoundMaterial.select(SoundMaterial.sound).output(as_list=True)
    assert set(kept) == {each.generation_id for each in (one, other, third)}
    await services.library.publishing.delete(ann, one.generation_id)
    assert await SoundMaterial.count() == 2


async def test_a_source_that_was_deleted_meanwhile_fails_the_job_at_once(
    services: Services, ann: Identity
) -> None:
    async with working(services, SketchEngine()):
        source = await made(services, ann, choice(PROMPT, duration_s=2.0))
    waiting = await services.queue.submissions.submit(ann, going_on(source.generation_id, 1.0, 3.0))
    await services.library.publishing.delete(ann, source.generation_id)
    async with working(services, SketchEngine()):
        job = await ended(services, ann, waiting.job_id)
    assert (job.status, job.error, job.retry_count) == ("failed", GONE, 0)
