"""Checkpoints in the forms that are published, through server, worker and HTTP."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import soundfile

from tests.engines.audiocraft.published import write_published
from tests.running import Client, installed
from webapp.weights.catalogue import published

Serve = Callable[[dict[str, str]], AbstractContextManager[Client]]


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """A server with one worker over such checkpoints, by model."""

    @contextmanager
    def start(names: dict[str, str]) -> Iterator[Client]:
        for name in names.values():
            write_published(tmp_path / "models", name)
        settings = {f"{model}_checkpoint": name for model, name in names.items()}
        with installed(
            tmp_path / "data", models_dir=tmp_path / "models", device="cpu", threads=1, disk_reserve_mb=0,
            **settings,
        ) as made:  # fmt: skip
            yield made.serve().client(made.token())

    return start


def check(client: Client, model: str, name: str) -> None:
    known = published(name)
    assert known is not None
    job = client.wait_for(client.submit("calm rain", model=model, duration=2, seed=5), "completed", "failed")
    assert (job["status"], job["engine"], job["checkpoint"]) == ("completed", "audiocraft", name), job
    content = client.http.get(job["audio_url"]).raise_for_status().content
    sound, rate = soundfile.read(io.BytesIO(content), always_2d=True)
    assert (rate, sound.shape) == (known.sample_rate, (2 * known.sample_rate, known.channels))
    assert abs(sound).max() > 0.01, "it is not silent"


def test_exported_checkpoints_of_every_model(serve: Serve) -> None:
    """Settings as text for music and magnet, as objects for audio."""
    names = {"music": "musicgen-small", "audio": "audiogen-medium", "magnet": "magnet-small-10secs"}
    with serve(names) as client:
        for model, name in names.items():
            check(client, model, name)


def test_stereo_with_a_named_codec_and_sound_effects(serve: Serve) -> None:
    with serve({"music": "musicgen-stereo-small", "magnet": "audio-magnet-small"}) as client:
        check(client, "music", "musicgen-stereo-small")
        check(client, "magnet", "audio-magnet-small")


def test_one_of_training_is_told_as_such(serve: Serve) -> None:
    with serve({"music": "musicgen-medium"}) as client:
        job = client.wait_for(client.submit(model="music", duration=1), "completed", "failed")
        assert (job["status"], job["error"]) == ("failed", "The model could not be loaded")
        error = client.http.get("/status").json()["engines"]["music"]["error"]
        assert "musicgen-medium/state_dict.bin is a checkpoint of training" in error
