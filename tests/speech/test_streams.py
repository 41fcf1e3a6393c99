"""Speech that is heard while it is spoken: streams, progress, and cancelling, over each database."""

import asyncio
import io
from collections.abc import Generator, Sequence
from contextlib import closing
from threading import Event

import numpy as np
import pytest
import soundfile

from tests.api.client import User, assert_problem
from tests.api.conftest import MakeUser
from tests.speech.conftest import NOWHERE, Speaking
from webapp.engines.speech.base import Segment, SpeechError
from webapp.engines.speech.engine import SpeechEngine
from webapp.engines.speech.speaker import Speaker, Spoken
from webapp.errors import Conflict, SpeechFailed
from webapp.policy.speech import SpeechChoice
from webapp.services.container import Services

TEXT = "This is the first sentence. Here is another one. And this is the last."
LONG = " ".join(f"Sentence {number} is short." for number in range(30))


class HeldSpeaker(Speaker):
    """Speaks the first sentences, and the others once it is let."""

    def __init__(self, free: int) -> None:
        super().__init__()
        self.go_on, self.stopped = Event(), Event()
        self.spoken = 0
        self._free = free

    def speak(self, segments: Sequence[Segment], limit_s: float) -> Generator[Spoken, None, None]:
        try:
            with closing(super().speak(segments, limit_s)) as parts:
                for number, part in enumerate(parts):
                    if number >= self._free:
                        assert self.go_on.wait(60)
                    self.spoken += 1
                    yield part
        finally:
            self.stopped.set()


async def _count(services: Services, table: str) -> int:
    return int((await services.database.fetch(f"SELECT COUNT(*) AS n FROM {table}"))[0]["n"])


@pytest.mark.usefixtures("spoken_for")
class TestStreams:
    @pytest.mark.parametrize(
        ("audio_format", "media_type"),
        [("mp3", "audio/mpeg"), ("wav", "audio/wav"), ("ogg", "audio/ogg")],
    )
    async def test_what_is_heard_is_what_is_kept(
        self, ann: User, services: Services, audio_format: str, media_type: str
    ) -> None:
        answer = await ann.http.post("/api/tts/stream", json={"text": TEXT, "format": audio_format})
        assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
        assert answer.headers["ratelimit"].startswith('"speech";r=119;')
        heard, rate = soundfile.read(io.BytesIO(answer.content))
        sound_id = answer.headers["generation-id"]
        kept, kept_rate = soundfile.read(io.BytesIO((await ann.http.get(f"/audio/{sound_id}.wav")).content))
        assert rate == kept_rate == 24_000
        assert len(heard) / rate == pytest.approx(len(kept) / rate, abs=0.15)
        assert np.std(heard) == pytest.approx(np.std(kept), rel=0.25)
        assert np.abs(heard).max() < 1
        assert await _count(services, "speech_piece") == 0
        whole = (await ann.http.post("/api/tts/generate", json={"text": TEXT})).json()
        assert (await ann.http.get(whole["audio_url"])).content == (
            await ann.http.get(f"/audio/{sound_id}.wav")
        ).content

    async def test_what_is_wrong_is_told_before_anything_is_heard(self, ann: User) -> None:
        for body, text, field in (
            ({"text": ""}, "Text is required", "text"),
            ({"text": "..."}, "Text has nothing that can be spoken", "text"),
            ({"text": "x", "voice": "nobody"}, "Voice not found", "voice"),
            ({"text": "x", "format": "aiff"}, "Format must be one of: mp3, ogg, flac, wav", "format"),
        ):
            answer = await ann.http.post("/api/tts/stream", json=body)
            assert_problem(answer, 400, text, field)

    async def test_a_long_text_is_watched_by_its_owner_alone(
        self, ann: User, make_user: MakeUser, services: Services
    ) -> None:
        accepted = await ann.http.post("/api/tts/requests", json={"text": LONG})
        assert accepted.status_code == 202
        where = accepted.headers["location"]
        status = accepted.json()
        with services.bus.subscribe() as hints:
            while status["status"] in ("queued", "processing"):
                await hints.wait(0.1)
                status = (await ann.http.get(where)).json()
        assert (status["status"], status["progress_pct"], status["error"]) == ("completed", 100, None)
        assert (status["sentences"], status["sentences_done"]) == (30, 30)
        assert (await ann.http.get(status["audio_url"])).status_code == 200
        bob = await make_user("bob")
        assert_problem(await bob.http.get(where), 404, "Speech request not found")
        assert_problem(await bob.http.delete(where), 404, "Speech request not found")
        assert_problem(await ann.http.delete(where), 409, "This text is not being spoken any more")


async def test_the_first_sentence_is_heard_while_the_rest_is_spoken(
    ann: User, services: Services, speaking: Speaking
) -> None:
    speaker = HeldSpeaker(1)
    async with speaking(SpeechEngine(NOWHERE, speaker)):
        begun = await services.speech.long_texts.begin(
            ann.identity, SpeechChoice(TEXT, "espeak-en-us"), stream_format="wav"
        )
        pieces = services.speech.long_texts.listen(begun.request_id)
        first = await anext(pieces)
        # The header, and half a second.
        assert len(first) == 44 + 22_050
        assert speaker.spoken == 1
        assert (await services.speech.long_texts.progress(ann.identity, begun.request_id)).is_active
        speaker.go_on.set()
        rest = [piece async for piece in pieces]
        assert sum(map(len, rest)) > len(first)
        ended = await services.speech.long_texts.progress(ann.identity, begun.request_id)
        assert (ended.status, ended.sentences_done, ended.sentences) == ("completed", 3, 3)
    speaker.close()


async def test_a_cancelled_text_stops_and_costs_nothing(
    ann: User, services: Services, speaking: Speaking
) -> None:
    speaker = HeldSpeaker(1)
    async with speaking(SpeechEngine(NOWHERE, speaker)):
        begun = await services.speech.long_texts.begin(
            ann.identity, SpeechChoice(LONG, "espeak-en-us"), stream_format="mp3"
        )
        pieces = services.speech.long_texts.listen(begun.request_id)
        await anext(pieces)
        cancelled = await ann.http.delete(f"/api/tts/requests/{begun.request_id}")
        assert cancelled.json()["error"] == "This text was cancelled"
        with pytest.raises(Conflict):
            # What was spoken before may still be on its way.
            async for _ in pieces:
                pass
        speaker.go_on.set()
        await asyncio.to_thread(speaker.stopped.wait, 60)
        assert speaker.spoken < 30
        await services.speech.long_texts.until_quiet()
        assert (await services.speech.requests.usage(ann.identity)).remaining == 120
        # The worker is free for the next one.
        spoken = await ann.http.post("/api/tts/generate", json={"text": "Hi.", "voice": "espeak-en-us"})
        assert spoken.status_code == 201
    speaker.close()
    assert await _count(services, "sound") == 1
    assert await services.storage.sweep_staging() == 0


async def test_a_stream_that_fails_breaks_off_and_costs_nothing(
    ann: User, services: Services, speaking: Speaking
) -> None:
    class Failing(Speaker):
        def speak(self, segments: Sequence[Segment], limit_s: float) -> Generator[Spoken, None, None]:
            with closing(super().speak(segments, limit_s)) as parts:
                yield next(parts)
            raise SpeechError("a crash")

    speaker = Failing()
    async with speaking(SpeechEngine(NOWHERE, speaker)):
        begun = await services.speech.long_texts.begin(
            ann.identity, SpeechChoice(TEXT, "espeak-en-us"), stream_format="mp3"
        )
        with pytest.raises(SpeechFailed):
            _ = [piece async for piece in services.speech.long_texts.listen(begun.request_id)]
        await services.speech.long_texts.until_quiet()
        assert (await services.speech.requests.usage(ann.identity)).remaining == 120
    speaker.close()


def test_a_speaker_that_is_stopped_speaks_the_next_text_at_once() -> None:
    speaker = Speaker()
    engine = SpeechEngine(NOWHERE, speaker)
    first = engine.speak("Good morning.", "espeak-en-us").samples
    process = speaker._process  # noqa: SLF001 - it is to be the same one
    for rounds in range(12):
        # The more parts are read, the fewer are left: the last one is stopped when all is said.
        voice = engine.voice("espeak-en-us" if rounds % 2 else "hibari-heart")
        parts = speaker.speak([Segment("ninety nine", voice, 0)] * 12, 900)
        assert all(next(parts).samples.size for _ in range(rounds + 1))
        parts.close()
        assert np.array_equal(engine.speak("Good morning.", "espeak-en-us").samples, first)
    assert speaker._process is process  # noqa: SLF001
    engine.close()
