"""Other vendors' APIs over the queue: their requests, their errors, their encodings."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from litestar import Litestar

from tests.api.client import Hand, User
from tests.api.conftest import MakeUser
from tests.factories import FACTS
from tests.speech.conftest import Speaking, engine, speaking  # noqa: F401 fixtures, found by their names here
from webapp.services.container import Services
from webapp.services.queue.leases import Claim

RATE = 32_000
SECONDS = 2


def _tone(rate: int = RATE) -> np.ndarray[Any, Any]:
    frames = np.arange(SECONDS * rate)
    left = 0.5 * np.sin(2 * np.pi * 440 * frames / rate)
    return np.stack([left, left], axis=1).astype(np.float32)


async def finish(services: Services, claim: Claim) -> None:
    """Complete a job with a tone of 440 Hz, in real files."""
    staged = services.storage.staging_folder()
    for name in ("wav", "flac", "ogg", "mp3"):
        soundfile.write(staged / f"sound.{name}", _tone(), RATE)
    soundfile.write(staged / "spectrogram.png", _tone(), RATE, format="WAV")
    await services.storage.publish(claim.storage_key, staged)
    await services.queue.leases.complete(claim, FACTS)


async def answered(
    services: Services, hand: Hand, asking: Coroutine[Any, Any, httpx.Response]
) -> tuple[httpx.Response, Claim]:
    """Make the sound that a request waits for; the answer, and the job."""
    waiting = asyncio.ensure_future(asking)
    await _submitted(services)
    claim = await hand.claim()
    await finish(services, claim)
    return await waiting, claim


async def _submitted(services: Services) -> None:
    """Wait for a job in the queue."""
    with services.bus.subscribe() as hints:
        async with asyncio.timeout(30):
            while not (await services.queue.reader.snapshot()).jobs:
                await hints.wait(1)


def pitch(samples: np.ndarray[Any, Any], rate: int) -> float:
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(np.argmax(spectrum) * rate / len(samples))


async def test_a_sound_effect_waits_in_the_queue_like_any_job(
    services: Services, hand: Hand, ann: User, anybody: httpx.AsyncClient
) -> None:
    body = {"text": "a door creaks", "duration_seconds": 4, "loop": True, "prompt_influence": 0.5}
    headers = {"xi-api-key": ann.token}
    asking = anybody.post("/v1/sound-generation", json=body, headers=headers)
    answer, claim = await answered(services, hand, asking)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
    job = (await ann.http.get(f"/job/{claim.job_id}")).json()
    assert (job["prompt"], job["model"], job["duration"], job["loopable"]) == (
        "a door creaks",
        "audio",
        4,
        True,
    )
    assert answer.headers["x-generation-id"] == job["generation_id"]
    assert answer.content == (await anybody.get(f"/audio/{job['generation_id']}.mp3")).content


@pytest.mark.parametrize(
    ("output_format", "media_type", "rate", "channels"),
    [
        ("pcm_16000", "audio/pcm", 16_000, 1),
        ("wav_44100", "audio/wav", 44_100, 2),
        ("opus_48000_64", "audio/ogg", 48_000, 2),
        ("mp3_22050_32", "audio/mpeg", 22_050, 2),
        ("ulaw_8000", "audio/basic", 8_000, 1),
    ],
)
async def test_each_encoding_holds_the_same_tone(
    services: Services, hand: Hand, ann: User, output_format: str, media_type: str, rate: int, channels: int
) -> None:
    path = f"/v1/music?output_format={output_format}"
    answer, _ = await answered(services, hand, ann.http.post(path, json={"prompt": "a tone"}))
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    raw = {"pcm": "PCM_16", "ulaw": "ULAW"}.get(output_format.partition("_")[0])
    how = {"format": "RAW", "subtype": raw, "samplerate": rate, "channels": 1} if raw else {}
    frames, found = soundfile.read(io.BytesIO(answer.content), always_2d=True, **how)
    assert (found, frames.shape[1]) == (rate, channels)
    assert len(frames) / rate == pytest.approx(SECONDS, abs=0.1)
    assert pitch(frames[:, 0], rate) == pytest.approx(440, abs=2)
    # To the middle of a telephone's 8 bits.
    assert np.abs(frames[rate // 4 : -rate // 4]).max() == pytest.approx(0.5, abs=0.03)


async def test_a_plan_of_sections_becomes_a_prompt(services: Services, hand: Hand, ann: User) -> None:
    plan = {
        "positive_global_styles": ["lo-fi", "calm"],
        "negative_global_styles": ["loud"],
        "sections": [
            {"positive_local_styles": ["piano", "calm"], "duration_ms": 4_000, "lines": ["la"]},
            {"positive_local_styles": ["drums"], "duration_ms": 5_000},
        ],
    }
    asking = ann.http.post("/v1/music", json={"composition_plan": plan})
    _, claim = await answered(services, hand, asking)
    job = (await ann.http.get(f"/job/{claim.job_id}")).json()
    assert (job["prompt"], job["duration"]) == ("lo-fi, calm, piano, drums", 9)


@pytest.mark.parametrize("output_format", ["mp3_44100_128", "pcm_16000"])
async def test_streamed_music_is_that_of_the_job(
    services: Services, hand: Hand, ann: User, output_format: str
) -> None:
    path = f"/v1/music/stream?output_format={output_format}"
    answer, claim = await answered(services, hand, ann.http.post(path, json={"prompt": "a tone"}))
    assert answer.status_code == 200
    assert answer.headers["x-job-id"] == claim.job_id
    if output_format.startswith("mp3"):
        job = (await ann.http.get(f"/job/{claim.job_id}")).json()
        # Nothing was heard of it before it was finished.
        assert answer.content == (await ann.http.get(f"/audio/{job['generation_id']}.mp3")).content
    else:
        assert len(answer.content) / 2 / 16_000 == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/sound-generation", {}, "text"),
        ("/v1/sound-generation", {"text": "x", "duration_seconds": 31}, "duration_seconds"),
        ("/v1/sound-generation", {"text": "x", "prompt_influence": "much"}, "prompt_influence"),
        ("/v1/sound-generation", {"text": "x", "loop": "yes"}, "loop"),
        ("/v1/sound-generation?output_format=mp4", {"text": "x"}, "output_format"),
        ("/v1/music", {"prompt": "x", "music_length_ms": 2}, "music_length_ms"),
        ("/v1/music", {"prompt": "x", "composition_plan": {}}, "composition_plan"),
        ("/v1/music", {"composition_plan": {"sections": [5]}}, "composition_plan"),
        ("/v1/music", {"composition_plan": {"sections": []}}, "composition_plan"),
        ("/v1/music", {}, "prompt"),
    ],
)
async def test_a_wrong_field_is_a_422_in_elevenlabs_shape(
    ann: User, path: str, body: dict[str, Any], field: str
) -> None:
    answer = await ann.http.post(path, json=body)
    assert answer.status_code == 422
    (wrong,) = answer.json()["detail"]
    assert (wrong["loc"], wrong["type"]) == (["body", field], "value_error")
    assert wrong["msg"]


async def test_other_errors_have_elevenlabs_shape(
    anybody: httpx.AsyncClient, make_user: MakeUser, hand: Hand, services: Services
) -> None:
    refused = await anybody.post("/v1/music", json={"prompt": "x"}, headers={"xi-api-key": "no"})
    assert (refused.status_code, refused.json()["detail"]["status"]) == (401, "invalid_api_key")
    assert (await anybody.get("/v1/voices/nobody")).json()["detail"]["status"] == "not_found"
    # The key opens nothing else.
    ann = await make_user("ann")
    assert (await anybody.get("/api/me", headers={"xi-api-key": ann.token})).status_code == 401
    asking = asyncio.ensure_future(ann.http.post("/v1/music", json={"prompt": "x"}))
    await _submitted(services)
    await hand.fail(await hand.claim())
    failed = await asking
    assert failed.status_code == 500
    assert failed.json()["detail"]["message"].startswith("GPU memory exhausted")


async def test_limits_hold(make_user: MakeUser, services: Services, hand: Hand) -> None:
    bob = await make_user("bob", tier="free")
    too_long = await bob.http.post("/v1/music", json={"prompt": "x", "music_length_ms": 60_000})
    assert too_long.json()["detail"][0]["msg"] == "Duration exceeds your tier limit"
    answers = [
        (await answered(services, hand, bob.http.post("/v1/sound-generation", json={"text": "x"})))[0]
        for _ in range(3)
    ]
    assert [answer.status_code for answer in answers] == [200] * 3
    over = await bob.http.post("/v1/sound-generation", json={"text": "x"})
    assert (over.status_code, over.json()["detail"]["status"]) == (429, "too_many_requests")
    assert int(over.headers["retry-after"]) > 0
    assert "r=0" in over.headers["ratelimit"]


async def test_who_holds_too_many_connections_submits_nothing(ann: User, app: Litestar) -> None:
    """A job whose answer nobody could be given would be asked for again by clients that repeat."""
    caps = app.state.streams.caps
    held = [await caps.hold(ann.identity.account_id, "elsewhere") for _ in range(20)]
    refused = await ann.http.post("/v1/music", json={"prompt": "x"})
    assert (refused.status_code, refused.json()["detail"]["status"]) == (429, "too_many_requests")
    assert (await ann.http.get("/api/jobs")).json()["total"] == 0
    for release in held:
        release()


async def test_openai_lists_what_can_be_made(anybody: httpx.AsyncClient) -> None:
    listed = (await anybody.get("/v1/models")).raise_for_status().json()
    assert listed["object"] == "list"
    missing = await anybody.get("/v1/models/gpt-4")
    assert missing.status_code == 404
    assert missing.json() == {
        "error": {
            "message": "There is no such model",
            "type": "invalid_request_error",
            "param": None,
            "code": "not_found",
        }
    }


class TestSpeech:
    @pytest.fixture(autouse=True)
    async def spoken_for(self, speaking: Speaking) -> AsyncIterator[None]:  # noqa: F811
        async with speaking():
            yield

    async def test_openai_speaks(self, ann: User, anybody: httpx.AsyncClient) -> None:
        body = {"model": "tts-1", "voice": "alloy", "input": "Good morning."}
        answer = await ann.http.post("/v1/audio/speech", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
        kept = (await ann.http.get(f"/api/library/{answer.headers['x-generation-id']}")).json()
        assert (kept["model"], kept["prompt"]) == ("voice", "Good morning.")
        raw = (await ann.http.post("/v1/audio/speech", json=body | {"response_format": "pcm"})).content
        assert len(raw) / 2 / 24_000 == pytest.approx(kept["duration"], abs=0.05)
        as_events = await ann.http.post("/v1/audio/speech", json=body | {"stream_format": "sse"})
        events = [json.loads(line[6:]) for line in as_events.text.split("\n") if line]
        assert [event["type"] for event in events[-2:]] == ["speech.audio.delta", "speech.audio.done"]
        sound = base64.b64decode("".join(event.get("audio", "") for event in events))
        assert sound == answer.content

    async def test_a_voice_of_this_server_is_heeded(self, ann: User) -> None:
        body = {"model": "x", "voice": {"id": "espeak-de"}, "input": "Guten Tag."}
        answer = await ann.http.post("/v1/audio/speech", json=body | {"response_format": "wav", "speed": 4})
        assert soundfile.info(io.BytesIO(answer.content)).samplerate == 22_050

    @pytest.mark.parametrize(
        ("change", "param"),
        [
            ({"input": ""}, "input"),
            ({"input": 5}, "input"),
            ({"model": None}, "model"),
            ({"voice": "nobody"}, "voice"),
            ({"voice": None}, "voice"),
            ({"speed": 5}, "speed"),
            ({"response_format": "aac"}, "response_format"),
            ({"stream_format": "text"}, "stream_format"),
        ],
    )
    async def test_openai_errors(self, ann: User, change: dict[str, Any], param: str) -> None:
        body = {"model": "tts-1", "voice": "alloy", "input": "x"} | change
        answer = await ann.http.post("/v1/audio/speech", json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)

    async def test_elevenlabs_speaks(self, ann: User, anybody: httpx.AsyncClient) -> None:
        headers = {"xi-api-key": ann.token}
        theirs = "21m00Tcm4TlvDq8ikWAM"
        for path in (f"/v1/text-to-speech/{theirs}", f"/v1/text-to-speech/{theirs}/stream"):
            answer = await anybody.post(path, json={"text": "Hello."}, headers=headers)
            assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/mpeg")
        unknown = await anybody.post("/v1/text-to-speech/nobody", json={"text": "Hello."}, headers=headers)
        assert (unknown.status_code, unknown.json()["detail"]["status"]) == (404, "not_found")
        empty = await anybody.post(f"/v1/text-to-speech/{theirs}", json={}, headers=headers)
        assert (empty.status_code, empty.json()["detail"][0]["loc"]) == (422, ["body", "text"])

    async def test_elevenlabs_lists_voices(self, anybody: httpx.AsyncClient) -> None:
        every = (await anybody.get("/v1/voices")).json()["voices"]
        ids = [voice["voice_id"] for voice in every]
        assert "espeak-de" in ids
        one = (await anybody.get("/v1/voices/espeak-de")).json()
        assert one in every
        found = (await anybody.get("/v2/voices", params={"search": "german"})).json()
        assert found["has_more"] is False
        assert 0 < found["total_count"] == len(found["voices"]) < len(every)
