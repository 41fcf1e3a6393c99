"""Speech over a sound of the library, as one new sound."""

import io

import pytest
import soundfile

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from webapp.services.container import Services

GONE = "The sound to speak over is not there any more"


@pytest.mark.usefixtures("spoken_for")
class TestSpeechOverASound:
    async def test_both_are_heard_as_one_new_sound(self, ann: User) -> None:
        music = (
            await ann.http.post("/api/tts/generate", json={"text": "La la la la la.", "speed": 0.5})
        ).json()
        asked = {"text": "Read this over that.", "over": music["generation_id"], "ducking_db": 20}
        answer = await ann.http.post("/api/tts/generate", json=asked)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        alone = (await ann.http.post("/api/tts/generate", json={"text": asked["text"]})).json()
        assert body["duration"] == pytest.approx(alone["duration"] + 3.5, abs=0.01)
        samples, rate = soundfile.read(io.BytesIO((await ann.http.get(body["audio_url"])).content))
        assert abs(samples[: rate // 2]).max() > 0.02, "what it is spoken over begins first"
        captions = (await ann.http.get(f"/captions/{body['generation_id']}.vtt")).text
        assert "00:00:01.500 --> " in captions
        item = (await ann.http.get(answer.headers["location"])).json()
        assert (item["model"], item["prompt"]) == ("voice", asked["text"])

    async def test_somebody_elses_sound_is_not_there(self, ann: User, make_user: MakeUser) -> None:
        bob = await make_user("bob")
        his = (await bob.http.post("/api/tts/generate", json={"text": "Secret."})).json()["generation_id"]
        for over in (his, "f" * 20, "../x", 5):
            answer = await ann.http.post("/api/tts/generate", json={"text": "x", "over": over})
            assert_problem(answer, 400, "The sound to speak over was not found", "over")
        streamed = await bob.http.post("/api/tts/stream", json={"text": "x", "over": his})
        assert streamed.status_code == 400
        wrong = await bob.http.post("/api/tts/generate", json={"text": "x", "over": his, "ducking_db": 99})
        assert_problem(wrong, 400, "Ducking must be a number from 0 to 40", "ducking_db")

    async def test_one_whose_file_is_gone_is_told(self, ann: User, services: Services) -> None:
        music = (await ann.http.post("/api/tts/generate", json={"text": "La."})).json()["generation_id"]
        for key in await services.storage.keys():
            await services.storage.delete(key)
        answer = await ann.http.post("/api/tts/generate", json={"text": "x", "over": music})
        assert_problem(answer, 400, GONE, "text")
