"""Checkpoints in the forms that are published: one of every model over HTTP, others through a worker."""

import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from tests.engines.audiocraft.published import write_published
from tests.factories import MakeAccount, choice
from tests.running import installed
from tests.stored import stored_path
from tests.worker.scripted import ended, working
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.queue.views import JobView
from webapp.settings import Settings
from webapp.weights.catalogue import published
from webapp.worker.engine_set import EngineSet

pytestmark = pytest.mark.slow

ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def write(folder: Path, names: dict[str, str]) -> dict[str, str]:
    """Write such checkpoints, by model; the settings that choose them."""
    for name in names.values():
        write_published(folder, name)
    return {f"{model}_checkpoint": name for model, name in names.items()}


def check(name: str, sound_file: io.BytesIO | Path) -> None:
    """It is a sound of two seconds, as this checkpoint makes them."""
    known = published(name)
    assert known is not None
    sound, rate = soundfile.read(sound_file, always_2d=True)
    assert (rate, sound.shape) == (known.sample_rate, (2 * known.sample_rate, known.channels))
    assert abs(sound).max() > 0.01, "it is not silent"


def test_exported_checkpoints_of_every_model(tmp_path: Path) -> None:
    """Settings as text for music and magnet, as objects for audio."""
    names = {"music": "musicgen-small", "audio": "audiogen-medium", "magnet": "magnet-small-10secs"}
    chosen = write(tmp_path / "models", names)
    with installed(
        tmp_path / "data", models_dir=tmp_path / "models", device="cpu", threads=1, disk_reserve_mb=0,
        speech_workers=0, **chosen,
    ) as made:  # fmt: skip
        client = made.serve().client(made.token())
        for model, name in names.items():
            job_id = client.submit("calm rain", model=model, duration=2, seed=5)
            job = client.wait_for(job_id, "completed", "failed")
            made_by = (job["status"], job["engine"], job["checkpoint"])
            assert made_by == ("completed", "audiocraft", name), job
            check(name, io.BytesIO(client.http.get(job["audio_url"]).raise_for_status().content))


@pytest.fixture
async def ann(make_account: MakeAccount) -> Identity:
    return await make_account()


def engines_over(folder: Path, names: dict[str, str]) -> EngineSet:
    settings = Settings(models_dir=str(folder), device="cpu", threads=1, **write(folder, names))  # type: ignore[arg-type]  # names of settings
    return EngineSet.from_settings(settings)


async def made_by(
    services: Services, ann: Identity, engines: EngineSet, models: Sequence[str]
) -> list[JobView]:
    """A job of each model, once it has ended, of a worker in this process."""
    async with working(services, engines=engines):
        jobs = [
            await services.queue.submissions.submit(ann, choice(duration_s=2, model=model, seed=5))
            for model in models
        ]
        return [await ended(services, ann, job.job_id) for job in jobs]


@ON_ONE_DATABASE
async def test_stereo_with_a_named_codec_and_sound_effects(
    services: Services, ann: Identity, tmp_path: Path
) -> None:
    names = {"music": "musicgen-stereo-small", "magnet": "audio-magnet-small"}
    engines = engines_over(tmp_path / "models", names)
    jobs = await made_by(services, ann, engines, list(names))
    for job, name in zip(jobs, names.values(), strict=True):
        assert job.sound is not None, job.error
        assert (job.sound.engine, job.sound.checkpoint) == ("audiocraft", name)
        file = await services.library.files.audio_file(f"{job.sound.generation_id}.wav")
        check(name, stored_path(services, file.key, file.name))


@ON_ONE_DATABASE
async def test_one_of_training_is_told_as_such(services: Services, ann: Identity, tmp_path: Path) -> None:
    engines = engines_over(tmp_path / "models", {"music": "musicgen-medium"})
    (job,) = await made_by(services, ann, engines, ["music"])
    assert (job.status, job.error) == ("failed", "The model could not be loaded")
    assert "musicgen-medium/state_dict.bin is a checkpoint of training" in engines.status()["music"].error
