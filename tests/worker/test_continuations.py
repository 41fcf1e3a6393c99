"""Jobs that continue a sound: what is kept of it, what goes on, and what happens when it is gone."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
import soundfile

from tests.factories import MakeAccount, choice
from tests.worker.scripted import ended, working
from webapp.audio.encode import PcmSamples
from webapp.audio.joining import SEAM_S
from webapp.clock import ManualClock
from webapp.engines.sketch.engine import SketchEngine
from webapp.errors import InvalidRequest, NotFound
from webapp.policy.continuations import Ancestor, ContinuationChoice
from webapp.policy.generation import GenerationChoice, parse_generation
from webapp.policy.library.sound_sources import SoundSource
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
    continuation = ContinuationChoice(SoundSource("generation", source), from_s)
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


async def test_what_was_sent_in_is_continued(services: Services, ann: Identity, clock: ManualClock) -> None:
    rate = 44_100
    tone = np.sin(2 * np.pi * 330 * np.arange(2 * rate) / rate) * 0.3
    async with services.library.uploads.arriving(ann) as arrival:
        soundfile.write(arrival.path, tone, rate, format="WAV")
        upload = await services.library.uploads.accept(arrival)
    asked = parse_generation(
        {"prompt": PROMPT, "duration": 4, "continue_from": {"upload_id": upload.upload_id, "from_s": 1.5}}
    )
    submitted = await services.queue.submissions.submit(ann, asked)
    # A job that waits keeps what it needs.
    clock.advance_s(2 * 86_400)
    assert await services.library.uploads.remove_expired() == 0
    async with working(services, SketchEngine()):
        job = await ended(services, ann, submitted.job_id)
    assert job.sound is not None, job.error
    assert job.sound.duration_s == pytest.approx(4.0)
    assert job.continuation is not None
    assert job.continuation.source == SoundSource("upload", upload.upload_id)
    samples = (await pcm(services, job.sound))[: round(1.4 * job.sound.sample_rate), 0]
    heard = np.fft.rfft(samples * np.hanning(len(samples)))
    assert np.argmax(np.abs(heard)) * job.sound.sample_rate / len(samples) == pytest.approx(330, abs=2)
    assert await services.library.uploads.remove_expired() == 1


async def test_an_upload_gives_no_prompt_and_is_its_owners(
    services: Services, ann: Identity, make_account: MakeAccount
) -> None:
    async with services.library.uploads.arriving(ann) as arrival:
        soundfile.write(arrival.path, np.zeros(44_100), 44_100, format="WAV")
        upload = await services.library.uploads.accept(arrival)
    source = {"continue_from": {"upload_id": upload.upload_id}}
    with pytest.raises(InvalidRequest, match="Prompt is required"):
        await services.queue.submissions.submit(ann, parse_generation({"duration": 4, **source}))
    bob = await make_account("bob")
    with pytest.raises(NotFound):
        await services.queue.submissions.submit(bob, parse_generation({"prompt": PROMPT, **source}))
