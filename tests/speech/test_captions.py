"""Captions: each sentence of a spoken sound, with the moments at which it is heard."""

import io
import re
from itertools import pairwise

import numpy as np
import pytest
import soundfile

from tests.api.client import User, assert_problem
from webapp.policy.library.captions import Caption, web_vtt

TEXT = "Is <this> the first?  Yes & no.\nA new line."


def test_web_vtt() -> None:
    captions = [Caption(0, 1.5, "a --> <b>"), Caption(3_661.0005, 3_662, "c & d")]
    assert web_vtt(captions) == (
        "WEBVTT\n\n0\n00:00:00.000 --> 00:00:01.500\na --&gt; &lt;b&gt;\n\n"
        "1\n01:01:01.000 --> 01:01:02.000\nc &amp; d\n"
    )
    assert web_vtt([]) == "WEBVTT\n"


@pytest.mark.usefixtures("spoken_for")
async def test_each_sentence_is_told_when_it_is_heard(ann: User) -> None:
    body = (await ann.http.post("/api/tts/generate", json={"text": TEXT})).json()
    answer = await ann.http.get(f"/captions/{body['generation_id']}.vtt")
    assert answer.headers["content-type"].startswith("text/vtt")
    times = re.findall(r"00:00:(\S+) --> 00:00:(\S+)\n(.+)", answer.text)
    assert [text for *_, text in times] == ["Is &lt;this&gt; the first?", "Yes &amp; no.", "A new line."]
    spans = [(float(begin), float(end)) for begin, end, _ in times]
    samples, rate = soundfile.read(io.BytesIO((await ann.http.get(body["audio_url"])).content))
    assert spans[0][0] == 0
    assert spans[-1][1] == pytest.approx(body["duration"], abs=0.002)
    for (begin, end), (following, _) in pairwise(spans):
        assert following - begin > 0.25
        said = samples[round(begin * rate) : round(end * rate)]
        pause = samples[round((end + 0.03) * rate) : round((following - 0.03) * rate)]
        assert np.abs(said).max() > 30 * np.abs(pause).max()


@pytest.mark.usefixtures("spoken_for")
async def test_there_are_none_of_what_is_not_there(ann: User) -> None:
    for name in (f"{'f' * 20}.vtt", "x.vtt", f"{'f' * 20}.wav"):
        assert_problem(await ann.http.get(f"/captions/{name}"), 404, "Captions not found")
