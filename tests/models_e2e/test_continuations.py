"""Takes and continuations of neural models, through HTTP, queue and worker, to the samples of their files."""

import io
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.running import Client
from webapp.audio.encode import PcmSamples
from webapp.audio.joining import SEAM_S

pytestmark = pytest.mark.slow


def samples_of(client: Client, job: dict[str, Any]) -> tuple[PcmSamples, int]:
    content = client.http.get(job["audio_url"]).raise_for_status().content
    samples, rate = soundfile.read(io.BytesIO(content), dtype="int16", always_2d=True)
    return samples, rate


def made(client: Client, **fields: object) -> dict[str, Any]:
    job = client.wait_for(client.submit(**fields), "completed", "failed")  # type: ignore[arg-type]
    assert job["status"] == "completed", job
    return job


@pytest.mark.parametrize("model", ["music", "audio", "magnet"])
def test_a_continuation_keeps_the_samples_before_its_seam(client: Client, model: str) -> None:
    answer = client.http.post("/generate", json={"prompt": "rain", "model": model, "duration": 4, "takes": 2})
    takes = [client.wait_for(job["job_id"], "completed") for job in answer.json()["jobs"]]
    source, rate = samples_of(client, takes[0])
    assert not np.array_equal(source, samples_of(client, takes[1])[0])
    from_middle = {"generation_id": takes[0]["generation_id"], "from_s": 2.5}
    one, other = (
        made(client, prompt="snow", continue_from=from_middle, duration=6, model=model) for _ in range(2)
    )
    exact = round((2.5 - SEAM_S) * rate)
    for job in (one, other):
        samples, _ = samples_of(client, job)
        assert len(samples) == 6 * rate
        assert np.array_equal(samples[:exact], source[:exact])
        assert np.abs(samples[3 * rate :]).max() > 300, "it goes on"
    assert not np.array_equal(samples_of(client, one)[0], samples_of(client, other)[0])


def test_a_model_goes_on_from_what_another_made(client: Client) -> None:
    source = made(client, prompt="rain", model="audio", duration=2)
    job = made(
        client,
        prompt="a waltz",
        model="music",
        duration=5,
        continue_from={"generation_id": source["generation_id"]},
    )
    samples, rate = samples_of(client, job)
    assert (len(samples), job["sample_rate"]) == (5 * rate, 32_000)


def test_models_tell_that_they_continue(client: Client) -> None:
    told = {model["name"]: model["can"] for model in client.http.get("/api/models").json()["models"]}
    assert [told[name]["continue"] for name in ("music", "audio", "magnet")] == [True] * 3
    assert [told[name]["stream"] for name in ("music", "audio", "magnet")] == [True, True, False]
