"""Jobs that follow the melody of an upload or of a sound."""

from contextlib import AbstractAsyncContextManager
from pathlib import Path

import numpy as np
import pytest

from tests.api.client import User
from tests.api.conftest import MakeUser
from tests.library.sent_sounds import tone, written
from tests.worker.scripted import ScriptedEngine, ended, hum, working
from webapp.audio.waveform import Waveform
from webapp.engines.base import CancelToken, EngineInfo, GenerationRequest
from webapp.errors import StorageAway
from webapp.services.container import Services
from webapp.settings import Settings
from webapp.storage import Storage


class FollowingEngine(ScriptedEngine):
    """Keeps the melodies that it is given; only the model music takes any."""

    def __init__(self) -> None:
        super().__init__(self._follow)
        self.melodies: list[Waveform | None] = []

    def info(self, model: str) -> EngineInfo:
        return EngineInfo(
            "scripted", "scripted", model, 180, 16_000, 1, "", 1, needs_load=False, melody=model == "music"
        )

    def _follow(self, request: GenerationRequest, cancel: CancelToken) -> Waveform:
        self.melodies.append(request.melody)
        return hum(request, cancel)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(data_dir=settings.data_dir, disk_reserve_mb=0, heartbeat_s=0.02, poll_s=0.05)


async def upload(user: User, data: bytes) -> str:
    answer = await user.http.post("/api/uploads", content=data)
    assert answer.status_code == 201, answer.text
    upload_id: str = answer.json()["upload_id"]
    return upload_id


async def test_an_engine_is_given_the_samples_of_an_upload(services: Services, make_user: MakeUser) -> None:
    ann = await make_user("ann")
    upload_id = await upload(ann, written(tone(2.0, channels=2), "FLAC"))
    engine = FollowingEngine()
    job_id = await ann.submit(duration=1.0, melody_from={"upload_id": upload_id})
    async with working(services, engine):
        job = await ended(services, ann.identity, job_id)
    assert job.status == "completed"
    (melody,) = engine.melodies
    assert melody is not None
    assert (melody.channels, melody.sample_rate, melody.duration_s) == (2, 48_000, 2.0)
    assert np.abs(melody.samples.T - tone(2.0, channels=2)).max() < 1e-4
    answer = await ann.http.get(f"/job/{job_id}")
    assert answer.json()["melody_from"] == {"upload_id": upload_id}


async def test_an_engine_is_given_the_samples_of_a_sound(services: Services, make_user: MakeUser) -> None:
    ann, bob = await make_user("ann"), await make_user("bob")
    engine = FollowingEngine()
    async with working(services, engine):
        first = await ended(services, ann.identity, await ann.submit(duration=1.0))
        assert first.sound is not None
        source = {"generation_id": first.sound.generation_id}
        second = await ended(services, ann.identity, await ann.submit(duration=1.0, melody_from=source))
        assert second.status == "completed"
        hidden = await bob.http.post("/generate", json={"prompt": "rain", "melody_from": source})
        assert (hidden.status_code, hidden.json()["error"]) == (404, "Sound not found")
    (_, melody) = engine.melodies
    assert melody is not None
    assert melody.duration_s == pytest.approx(1.0)


async def test_a_source_that_is_gone_fails_the_job_in_plain_words(
    services: Services, make_user: MakeUser
) -> None:
    ann = await make_user("ann")
    upload_id = await upload(ann, written(tone(), "WAV"))
    job_id = await ann.submit(duration=1.0, melody_from={"upload_id": upload_id})
    await ann.http.delete(f"/api/uploads/{upload_id}")
    async with working(services, FollowingEngine()):
        job = await ended(services, ann.identity, job_id)
    assert (job.status, job.error) == ("failed", "The sound whose melody it was to follow is no longer there")


async def test_a_storage_that_is_away_is_waited_for(
    services: Services, make_user: MakeUser, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = await make_user("ann")
    upload_id = await upload(ann, written(tone(), "WAV"))
    job_id = await ann.submit(duration=1.0, melody_from={"upload_id": upload_id})
    asked = 0
    usual = storage.local_file

    def away_at_first(key: str, name: str) -> AbstractAsyncContextManager[Path]:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise StorageAway("on its way")
        return usual(key, name)

    monkeypatch.setattr(storage, "local_file", away_at_first)
    async with working(services, FollowingEngine()):
        job = await ended(services, ann.identity, job_id)
    assert (job.status, job.retry_count, asked) == ("completed", 0, 3)


async def test_a_model_that_follows_none_is_named(services: Services, make_user: MakeUser) -> None:
    ann = await make_user("ann")
    upload_id = await upload(ann, written(tone(), "WAV"))
    asked = {"model": "audio", "melody_from": {"upload_id": upload_id}}
    # Before any worker tells what it can do, nobody knows.
    job_id = await ann.submit("rain", **asked)
    async with working(services, FollowingEngine()):
        await ended(services, ann.identity, job_id)
        answer = await ann.http.post("/generate", json={"prompt": "rain", **asked})
    assert (answer.status_code, answer.json()["error"], answer.json()["field"]) == (
        400, "The model audio cannot follow a melody on this server; music can", "melody_from",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "status", "error"),
    [
        ({}, 400, "melody_from must be an object with either upload_id or generation_id"),
        ("0" * 20, 400, "melody_from must be an object with either upload_id or generation_id"),
        (
            {"upload_id": "0" * 20, "generation_id": "0" * 20}, 400,
            "melody_from must be an object with either upload_id or generation_id",
        ),
        ({"upload_id": 7}, 400, "upload_id must be text"),
        ({"upload_id": "0" * 20}, 404, "Upload not found"),
        ({"upload_id": "\0"}, 404, "Upload not found"),
        ({"generation_id": "0" * 20}, 404, "Sound not found"),
        ({"generation_id": "../etc/passwd"}, 404, "Sound not found"),
    ],
)  # fmt: skip
async def test_other_sources_are_refused(
    make_user: MakeUser, source: object, status: int, error: str
) -> None:
    ann = await make_user("ann")
    answer = await ann.http.post("/generate", json={"prompt": "rain", "melody_from": source})
    assert (answer.status_code, answer.json()["error"]) == (status, error)
