"""Voices, pace, pitch and pauses of one text, by measuring them."""

import io

import numpy as np
import pytest
import soundfile

from tests.api.client import User, assert_problem
from tests.speech.measure import pitch
from webapp.engines.speech.base import Passage
from webapp.engines.speech.engine import SpeechEngine

SENTENCE = "The rain in Spain stays mainly in the plain."


@pytest.mark.parametrize("voice", ["hibari-heart", "espeak-en-us"])
@pytest.mark.parametrize("factor", [0.75, 1.3])
def test_pitch_changes_and_pace_does_not(engine: SpeechEngine, voice: str, factor: float) -> None:
    usual, other = (
        engine.joined(list(engine.utter([Passage(SENTENCE, voice, pitch=one)], voice)), voice)
        for one in (1.0, factor)
    )
    medians = [pitch(one.samples[0], one.sample_rate).median_hz for one in (usual, other)]
    assert medians[1] / medians[0] == pytest.approx(factor, rel=0.12)
    assert other.duration_s == pytest.approx(usual.duration_s, rel=0.1)


def test_a_dialogue_has_the_voices_and_pauses_it_asks_for(engine: SpeechEngine) -> None:
    passages = [
        Passage("Who is there?", "espeak-en-us", pause_s=1.0),
        Passage("It is me.", "hibari-heart"),
        Passage("Come in.", "espeak-en-us-female", speed=0.7),
    ]
    said = list(engine.utter(passages, "hibari-heart"))
    assert [one.text for one in said] == ["Who is there?", "It is me.", "Come in."]
    assert said[1].begin_s - said[0].end_s == pytest.approx(1.0, abs=0.001)
    assert sum(one.samples.size for one in said) / 24_000 == pytest.approx(said[-1].end_s, abs=0.001)
    alone = engine.speak("Come in.", "espeak-en-us-female")
    assert said[2].end_s - said[2].begin_s > 1.2 * alone.duration_s


@pytest.mark.usefixtures("spoken_for")
async def test_markup_is_spoken_and_not_shown(ann: User) -> None:
    text = 'Hello.<break time="2s"/><voice name="espeak-en-us">It is <emphasis>me</emphasis>.</voice>'
    answer = await ann.http.post("/api/tts/generate", json={"text": text, "markup": "ssml", "pitch": 1.1})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    samples, rate = soundfile.read(io.BytesIO((await ann.http.get(body["audio_url"])).content))
    quiet = np.convolve(np.abs(samples) > 0.005, np.ones(rate // 10), "same") == 0
    assert quiet.sum() / rate == pytest.approx(1.9, abs=0.25)
    assert (await ann.http.get(answer.headers["location"])).json()["prompt"] == "Hello. It is me ."
    wrong = {"text": "<voice name='nobody'>x</voice>", "markup": "ssml"}
    assert_problem(await ann.http.post("/api/tts/generate", json=wrong), 400, "Voice not found", "voice")
