"""The speech API as it is promised, over each database."""

import asyncio
import io
from collections import Counter
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.speech.conftest import ScriptedSpeaker, Speaking, a_voice
from tests.speech.measure import pitch
from webapp.database import Database
from webapp.engines.speech.base import SpeechError
from webapp.engines.speech.engine import SpeechEngine
from webapp.services.container import Services
from webapp.settings import Settings

AWAY = "Speech is not available right now; please try again in a moment"
VOICE_FIELDS = {
    "id", "name", "language", "quality", "sample_rate", "description", "license", "engine", "commercial_use",
}  # fmt: skip
SENTENCE = "Good morning, everybody."


async def say(
    user: User, text: object = SENTENCE, *, key: str | None = None, **fields: Any
) -> httpx.Response:
    headers = {"idempotency-key": key} if key else {}
    return await user.http.post("/api/tts/generate", json={"text": text, **fields}, headers=headers)


async def _count(services: Services, table: str) -> int:
    return int((await services.database.fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"])


WRONG = (
    ('{"voice": "espeak-de"}', "Text is required", "text"),
    ('{"text": "  "}', "Text is required", "text"),
    ('{"text": "%s"}' % ("x" * 5001), "Text too long", "text"),
    ('{"text": "x", "voice": "nobody"}', "Voice not found", "voice"),
    ('{"text": "x", "voice": 5}', "Voice not found", "voice"),
    ('{"text": "\\u0000"}', "Text contains characters that are not allowed", "text"),
    ('{"text": "..."}', "Text has nothing that can be spoken", "text"),
    ('{"text": "%s", "voice": "espeak-en-us"}' % ("99 " * 1666), "Text too long", "text"),
    ("[]", "Request body must be a JSON object", None),
    ("{", "Request body is not valid JSON", None),
)  # fmt: skip


@pytest.mark.usefixtures("spoken_for")
class TestVoices:
    async def test_anybody_sees_them(self, anybody: httpx.AsyncClient) -> None:
        body = (await anybody.get("/api/voices")).raise_for_status().json()
        assert body["total"] == len(body["voices"]) > 200
        assert all(voice.keys() == VOICE_FIELDS for voice in body["voices"])
        (english,) = [voice for voice in body["voices"] if voice["id"] == "espeak-en-us"]
        assert english["name"] == "English (America), male"
        assert (english["language"], english["sample_rate"], english["engine"]) == (
            "en-US", 22_050, "espeak-ng",
        )  # fmt: skip
        assert (english["license"], english["commercial_use"]) == ("GPL-3.0-or-later", True)
        first = body["voices"][0]
        assert (first["id"], first["license"], first["commercial_use"]) == (
            "hibari-heart", "Apache-2.0", True,
        )  # fmt: skip

    async def test_status_reports_tts_like_any_model(self, anybody: httpx.AsyncClient) -> None:
        status = (await anybody.get("/status")).json()
        assert status["models"]["tts"] == "ready"
        assert status["engines"]["tts"]["label"].startswith("Hibari and eSpeak NG")
        # A worker that speaks starts no jobs.
        assert status["models"]["music"] == "unavailable"

    async def test_a_sample_is_made_once(self, anybody: httpx.AsyncClient, services: Services) -> None:
        answers = await asyncio.gather(*(anybody.get("/api/tts/sample/espeak-de") for _ in range(8)))
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1
        samples, rate = soundfile.read(io.BytesIO(answers[0].content))
        assert (answers[0].headers["content-type"], rate) == ("audio/wav", 22_050)
        assert 1 < len(samples) / rate < 6
        assert await _count(services, "speech_request") == 1
        assert await _count(services, "sound") == 0
        part = await anybody.get("/api/tts/sample/espeak-de", headers={"range": "bytes=0-3"})
        assert (part.status_code, part.content) == (206, b"RIFF")
        assert await services.library.files.remove_strays() == (0, 0)

    async def test_a_sample_that_was_lost_is_made_again(
        self, anybody: httpx.AsyncClient, services: Services
    ) -> None:
        first = (await anybody.get("/api/tts/sample/espeak-fi")).content
        for key in await services.storage.keys():
            await services.storage.delete(key)
        assert (await anybody.get("/api/tts/sample/espeak-fi")).content == first

    @pytest.mark.parametrize("voice", ["nobody", "espeak-xx", "%00", "..%2f..", "x" * 101])
    async def test_a_voice_that_is_not_there_has_none(self, anybody: httpx.AsyncClient, voice: str) -> None:
        answer = await anybody.get(f"/api/tts/sample/{voice}")
        assert answer.status_code == 404
        if "/" not in answer.request.url.path.removeprefix("/api/tts/sample/"):
            assert_problem(answer, 404, "Voice not found")


@pytest.mark.usefixtures("spoken_for")
class TestSpeaking:
    async def test_a_text_becomes_a_sound_of_the_library(self, ann: User) -> None:
        answer = await say(ann, "Hello,\nworld.", voice="espeak-en-gb")
        body = answer.json()
        assert answer.status_code == 201
        assert body.keys() == {"success", "audio_url", "duration", "generation_id", "voice"}
        assert (body["success"], body["voice"]) == (True, "espeak-en-gb")
        assert body["audio_url"] == f"/audio/{body['generation_id']}.wav"
        samples, rate = soundfile.read(io.BytesIO((await ann.http.get(body["audio_url"])).content))
        assert len(samples) / rate == pytest.approx(body["duration"], abs=0.001)
        for ending in ("flac", "mp3", "ogg"):
            other = (await ann.http.get(f"/audio/{body['generation_id']}.{ending}")).content
            decoded, other_rate = soundfile.read(io.BytesIO(other))
            assert (len(decoded), other_rate) == (len(samples), rate)
            assert np.abs(decoded).max() < 1
            assert np.std(decoded) == pytest.approx(np.std(samples), rel=0.02)
        assert (await ann.http.get(f"/spectrogram/{body['generation_id']}.png")).status_code == 200
        item = (await ann.http.get(answer.headers["location"])).json()
        assert (item["model"], item["prompt"], item["is_public"]) == ("voice", "Hello, world.", False)
        assert (item["engine"], item["quality_score"] >= 80) == ("espeak-ng", True)
        listed = (await ann.http.get("/api/my-generations?model=voice")).json()
        assert [entry["id"] for entry in listed["items"]] == [body["generation_id"]]
        assert (await ann.http.get("/api/jobs")).json()["jobs"] == []

    async def test_a_spoken_sentence_is_recognisable(self, ann: User) -> None:
        medians = []
        for voice in ("espeak-en-us", "espeak-en-us-female"):
            body = (await say(ann, "The rain in Spain stays mainly in the plain.", voice=voice)).json()
            content = (await ann.http.get(body["audio_url"])).content
            samples, rate = soundfile.read(io.BytesIO(content), dtype="float32")
            measured = pitch(samples, rate)
            assert 1.5 < body["duration"] < 5
            assert 0.45 < measured.voiced_share < 0.97
            medians.append(measured.median_hz)
        assert 70 < medians[0] < 170 < 1.2 * 170 < medians[1] * 1.2 < 400

    async def test_the_same_gives_the_same_bytes_in_files_of_their_own(self, ann: User) -> None:
        bodies = [(await say(ann)).json() for _ in range(2)]
        assert bodies[0]["generation_id"] != bodies[1]["generation_id"]
        for ending in ("wav", "flac", "ogg", "mp3"):
            contents = [
                (await ann.http.get(f"/audio/{body['generation_id']}.{ending}")).content for body in bodies
            ]
            assert contents[0] == contents[1]
        await ann.http.delete(f"/api/library/{bodies[0]['generation_id']}")
        assert (await ann.http.get(bodies[0]["audio_url"])).status_code == 404
        assert (await ann.http.get(bodies[1]["audio_url"])).status_code == 200

    async def test_the_server_chooses_a_voice(self, ann: User) -> None:
        assert (await say(ann)).json()["voice"] == "hibari-heart"
        assert (await say(ann, voice=None)).json()["voice"] == "hibari-heart"

    async def test_what_is_wrong_is_told_and_costs_nothing(self, ann: User, services: Services) -> None:
        for body, text, field in WRONG:
            answer = await ann.http.post(
                "/api/tts/generate", content=body, headers={"content-type": "application/json"}
            )
            assert_problem(answer, 400, text, field)
            assert answer.headers["ratelimit"].startswith('"speech";r=120;')
        assert await _count(services, "sound") == 0

    async def test_a_token_is_needed(self, anybody: httpx.AsyncClient) -> None:
        answer = await anybody.post("/api/tts/generate", json={"text": "x"})
        assert_problem(answer, 401, "Authentication required")

    async def test_a_body_is_json_and_short(self, ann: User) -> None:
        plain = {"content-type": "text/plain"}
        assert (await ann.http.post("/api/tts/generate", content="{}", headers=plain)).status_code == 415
        assert (await say(ann, "x" * 70_000)).status_code == 413
        # As many bytes as 5,000 characters can take.
        widest = {"text": "\U0001f600" * 5000, "voice": "nobody"}
        assert_problem(await ann.http.post("/api/tts/generate", json=widest), 400, "Voice not found", "voice")


@pytest.mark.usefixtures("answered")
class TestLimits:
    async def test_the_hour_of_a_tier(self, make_user: MakeUser) -> None:
        bob = await make_user("bob", tier="free")
        answers = [await say(bob, "a") for _ in range(11)]
        assert [answer.status_code for answer in answers] == [201] * 10 + [429]
        assert_problem(answers[-1], 429, "Rate limit exceeded")
        assert answers[0].headers["ratelimit"] == '"speech";r=9;t=3600'
        assert answers[0].headers["ratelimit-policy"] == '"speech";q=10;w=3600'
        assert answers[-1].headers["ratelimit"] == '"speech";r=0;t=3600'
        assert answers[-1].headers["retry-after"] == "3600"

    async def test_sixty_four_at_once_and_the_hour_is_exact(
        self, make_user: MakeUser, services: Services
    ) -> None:
        bob = await make_user("bob", tier="premium")
        texts = [f"Number {number}." for number in range(64)]
        answers = await asyncio.gather(*(say(bob, text) for text in texts))
        assert Counter(answer.status_code for answer in answers) == {201: 60, 429: 4}
        prompts = {
            row["sound"]: row["prompt"]
            for row in await services.database.fetch("SELECT sound, prompt FROM library_item")
        }
        spoken = [(answer, text) for answer, text in zip(answers, texts, strict=True) if answer.is_success]
        assert {answer.json()["generation_id"]: text for answer, text in spoken} == prompts

    async def test_a_key_makes_a_repetition_safe(self, ann: User, services: Services) -> None:
        first, again = [await say(ann, key="k") for _ in range(2)]
        assert first.status_code == 201
        assert (again.content, again.headers["location"]) == (first.content, first.headers["location"])
        assert again.headers["ratelimit"].startswith('"speech";r=119;')
        assert (await say(ann, "something else", key="k")).status_code == 422
        assert await _count(services, "sound") == 1

    async def test_one_key_twenty_times_at_once_is_spoken_once(self, ann: User, services: Services) -> None:
        answers = await asyncio.gather(*(say(ann, key="k") for _ in range(20)))
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert await _count(services, "sound") == 1
        assert (await say(ann)).headers["ratelimit"].startswith('"speech";r=118;')


class TestTrouble:
    async def test_nobody_there_to_speak(self, ann: User, anybody: httpx.AsyncClient) -> None:
        answer = await say(ann)
        assert_problem(answer, 503, AWAY)
        assert answer.headers["retry-after"] == "5"
        assert answer.headers["ratelimit"].startswith('"speech";r=120;')
        assert (await anybody.get("/api/voices")).json() == {"voices": [], "total": 0}
        assert (await anybody.get("/status")).json()["models"]["tts"] == "unavailable"
        assert_problem(await anybody.get("/api/tts/sample/espeak-de"), 503, AWAY)
        # What is wrong is told first.
        assert_problem(await say(ann, ""), 400, "Text is required", "text")

    @pytest.mark.parametrize(
        "trouble",
        [SpeechError("no more memory in /somewhere"), RuntimeError("a bug"), TimeoutError("a pipe")],
        ids=lambda trouble: type(trouble).__name__,
    )
    async def test_a_failure_costs_nothing_and_frees_its_key(
        self, ann: User, speaking: Speaking, services: Services, trouble: Exception
    ) -> None:
        speaker = ScriptedSpeaker(trouble)
        async with speaking(SpeechEngine(services.settings.voices_path, speaker)):
            failed = await say(ann, key="k")
            assert_problem(failed, 500, "TTS generation failed")
            assert failed.json()["error_id"]
            assert failed.headers["ratelimit"].startswith('"speech";r=120;')
            assert (await say(ann, key="k")).status_code == 201
        speaker.close()
        assert await _count(services, "sound") == 1
        assert await services.storage.sweep_staging() == 0

    async def test_a_full_account(self, ann: User, speaking: Speaking, database: Database) -> None:
        async with speaking():
            assert (await say(ann)).status_code == 201
            async with database.transaction():
                await database.fetch("UPDATE sound SET bytes_total = {}", 5_000_000_000)
            refused = await say(ann)
            assert_problem(
                refused, 507, "Your storage is full; delete sounds you no longer need and try again"
            )
            assert refused.headers["ratelimit"].startswith('"speech";r=119;')
            assert await _count_requests(database) == 1

    async def test_an_account_that_is_deleted_meanwhile(
        self, ann: User, services: Services, settings: Settings
    ) -> None:
        await services.workers.registry.register("a" * 12, host="here", pid=1, device="cpu", kind="speech")
        await services.models.voices.write("a" * 12, [a_voice("espeak-en-us")])
        with services.bus.subscribe() as hints:
            asking = asyncio.create_task(say(ann))
            while not [event for event in await hints.wait(60) if event.topic == "speech"]:
                pass
        claim = await services.speech.leases.claim("a" * 12, ["espeak-en-us"])
        assert claim is not None
        await services.accounts.registry.delete(ann.identity.account_id)
        assert (await asking).status_code in (401, 503)


async def _count_requests(database: Database) -> int:
    return int((await database.fetch("SELECT COUNT(*) AS n FROM speech_request"))[0]["n"])
