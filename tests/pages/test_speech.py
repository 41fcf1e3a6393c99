"""The page where texts are spoken, with a script and without."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.speech.conftest import Speaking
from webapp.database import Database
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services
from webapp.services.speech import VoiceView

HTMX = {"hx-request": "true"}


@pytest.fixture
async def speaker(speaking: Speaking) -> AsyncIterator[None]:
    async with speaking():
        yield


def _selected(page: str, name: str) -> str:
    select = re.search(rf'<select id="{name}".*?</select>', page, re.DOTALL)
    assert select is not None
    found = re.search(r'value="([^"]*)" selected', select[0])
    assert found is not None
    return found[1]


@pytest.mark.usefixtures("speaker")
class TestWithoutScript:
    async def test_a_text_is_spoken_and_shown(self, ann_browser: httpx.AsyncClient) -> None:
        asked = {"text": "Hello,\r\nmy friend.", "voice": "espeak-en-gb", "speed": "1.5", "language": "en"}
        answer = await ann_browser.post("/speech", data=asked)
        assert answer.status_code == 303
        where = answer.headers["location"]
        sound_id = where.partition("#spoken-")[2]
        page = (await ann_browser.get(where)).text
        assert f'src="/audio/{sound_id}.wav"' in page
        assert f'href="/sounds/{sound_id}/download/mp3"' in page
        assert "Hello, my friend." in page
        assert "119 of 120 texts left this hour" in page
        assert _selected(page, "voice") == "espeak-en-gb"
        assert (await ann_browser.get(f"/audio/{sound_id}.wav")).status_code == 200

    async def test_voices_of_another_language(self, ann_browser: httpx.AsyncClient) -> None:
        page = (await ann_browser.get("/speech?language=de&text=Guten+Tag")).text
        assert (_selected(page, "language"), _selected(page, "voice")) == ("de", "espeak-de")
        assert 'src="/api/tts/sample/espeak-de"' in page
        assert "Guten Tag</textarea>" in page

    async def test_no_two_languages_have_the_same_name(self, browser: httpx.AsyncClient) -> None:
        page = (await browser.get("/speech")).text
        select = re.search(r'<select id="language".*?</select>', page, re.DOTALL)
        assert select is not None
        names = re.findall(r"<option[^>]*>([^<]+)</option>", select[0])
        assert len(names) > 50
        assert len(names) == len(set(names))
        assert "German" in names, "a name is not longer than it must be"

    async def test_the_list_of_languages_holds_languages(
        self, browser: httpx.AsyncClient, services: Services
    ) -> None:
        voices = [
            VoiceView(tag, "Anybody", tag, "low", 16_000, "Neural voice", "CC0", "piper")
            for tag in ("zh-CN", "no-NO", "lo-LA", "xx")
        ]
        await services.workers.registry.register("6" * 12, host="here", pid=1, device="cpu", kind="speech")
        await services.models.voices.write("6" * 12, voices)
        page = (await browser.get("/speech")).text
        select = re.search(r'<select id="language".*?</select>', page, re.DOTALL)
        assert select is not None
        names = dict(re.findall(r'<option value="([^"]*)"[^>]*>([^<]+)</option>', select[0]))
        assert "Anybody" not in names.values()
        assert (names["cmn"], names["nb"], names["lo"]) == ("Chinese (Mandarin)", "Norwegian Bokmål", "Lao")
        assert [code for code, name in names.items() if name.startswith("Language ")] == ["xx"]
        chosen = (await browser.get("/speech/voices?language=cmn")).text
        assert _selected(chosen, "voice") == "zh-CN", "a neural voice is offered with those of its language"

    async def test_strangers_hear_samples_and_are_asked_to_sign_in(self, browser: httpx.AsyncClient) -> None:
        page = (await browser.get("/speech")).text
        assert (_selected(page, "language"), _selected(page, "voice")) == ("en", "hibari-heart")
        assert "Licence of the voice: Apache-2.0. Commercial use: allowed." in page
        assert "is not there" not in page
        assert "Sign in to speak" in page
        assert '<button class="button primary wide"' not in page
        answer = await browser.post("/speech", data={"text": "x"})
        assert (answer.status_code, answer.headers["location"]) == (303, "/login")

    @pytest.mark.parametrize(
        ("fields", "status", "error"),
        [
            ({"text": ""}, 400, 'id="text-error" class="field-error" role="alert">Text is required'),
            ({"text": "x" * 5001}, 400, 'id="text-error" class="field-error" role="alert">Text too long'),
            (
                {"text": "x", "voice": "nobody"},
                400,
                'id="voice-error" class="field-error" role="alert">Voice',
            ),
            (
                {"text": "x", "speed": "9"},
                400,
                'id="speed-error" class="field-error" role="alert">Speed must',
            ),
            ({"text": "x", "speed": "fast"}, 400, 'id="speed-error" class="field-error" role="alert">Speed'),
        ],
    )
    async def test_what_is_wrong_stands_where_it_arose(
        self, ann_browser: httpx.AsyncClient, fields: dict[str, str], status: int, error: str
    ) -> None:
        answer = await ann_browser.post("/speech", data=fields)
        assert answer.status_code == status
        assert error in answer.text
        assert fields["text"] in answer.text


@pytest.mark.usefixtures("speaker")
class TestWithScript:
    async def test_a_text_is_spoken_and_the_list_follows(self, ann_browser: httpx.AsyncClient) -> None:
        answer = await ann_browser.post("/speech", data={"text": "Hi <b>there</b>"}, headers=HTMX)
        assert answer.status_code == 200
        assert answer.text.startswith('<form id="speech-form"')
        assert '<hx-partial hx-target="#spoken"' in answer.text
        assert "Hi &lt;b&gt;there&lt;/b&gt;" in answer.text
        assert "<b>there" not in answer.text

    async def test_the_voices_of_a_language(self, ann_browser: httpx.AsyncClient) -> None:
        fragment = (await ann_browser.get("/speech/voices?language=fr", headers=HTMX)).text
        assert "<html" not in fragment
        assert _selected(fragment, "voice") == "espeak-fr-fr"
        fragment = (await ann_browser.get("/speech/voices?voice=espeak-fr-fr-female", headers=HTMX)).text
        assert _selected(fragment, "language") == "fr"
        assert _selected(fragment, "voice") == "espeak-fr-fr-female"


@pytest.mark.usefixtures("answered")
async def test_the_limit_is_told_in_the_form(
    ann_browser: httpx.AsyncClient, database: Database, ann: Identity
) -> None:
    async with database.transaction():
        await database.fetch("UPDATE account SET tier = 'free' WHERE id = {}", ann.account_id)
    for _ in range(10):
        assert (await ann_browser.post("/speech", data={"text": "a"}, headers=HTMX)).status_code == 200
    answer = await ann_browser.post("/speech", data={"text": "a"}, headers=HTMX)
    assert answer.status_code == 429
    assert (
        'role="alert">You have used all 10 texts for this hour. You can speak the next one in 1 h.'
        in answer.text
    )


async def test_nobody_there_to_speak_is_said_before_and_after(ann_browser: httpx.AsyncClient) -> None:
    page = (await ann_browser.get("/speech")).text
    assert "Speech is not available right now" in page
    answer = await ann_browser.post("/speech", data={"text": "hello"})
    assert answer.status_code == 503
    assert "Speech is not available right now. Your text is still here" in answer.text
    assert "hello</textarea>" in answer.text


@pytest.mark.usefixtures("speaker")
async def test_neural_voices_say_so(browser: httpx.AsyncClient, services: Services) -> None:
    voice = VoiceView("en_US-ann-low", "Ann", "en-US", "low", 16_000, "Neural voice", "CC0", "piper")
    await services.workers.registry.register("6" * 12, host="here", pid=1, device="cpu", kind="speech")
    await services.models.voices.write("6" * 12, [voice])
    page = (await browser.get("/speech?voice=en_US-ann-low")).text
    assert "Ann (neural, low)</option>" in page
    assert "Licence of the voice: CC0. Commercial use: unclear." in page


@pytest.mark.usefixtures("answered")
async def test_a_default_voice_that_is_not_there_is_said(ann_browser: httpx.AsyncClient) -> None:
    said = "The voice hibari-heart is not there."
    page = (await ann_browser.get("/speech")).text
    assert _selected(page, "voice") == "espeak-en-us"
    assert said in page
    spoken = await ann_browser.post("/speech", data={"text": "a"}, headers=HTMX)
    assert (spoken.status_code, said in spoken.text) == (200, True)


@pytest.mark.usefixtures("speaker")
class TestLongTexts:
    async def test_a_long_text_is_heard_watched_and_listed(self, ann_browser: httpx.AsyncClient) -> None:
        text = " ".join(["This sentence is heard while others are spoken."] * 12)
        answer = await ann_browser.post("/speech", data={"text": text}, headers=HTMX)
        assert answer.status_code == 200
        assert '<hx-partial hx-target="#speaking"' in answer.text
        found = re.search(r'autoplay src="(/speech/requests/[0-9a-f]{12})/stream"', answer.text)
        assert found is not None
        heard = await ann_browser.get(f"{found[1]}/stream")
        assert (heard.headers["content-type"], heard.headers["accept-ranges"]) == ("audio/mpeg", "none")
        state = (await ann_browser.get(found[1], headers=HTMX)).text
        assert "All of it is spoken" in state
        assert '<hx-partial hx-target="#spoken"' in state
        sound = re.search(r'data-sound="([0-9a-f]{20})"', state)
        assert sound is not None
        page = (await ann_browser.get(f"/sounds/{sound[1]}")).text
        assert page.count('<span data-sentence="') == 12
        # What has ended is shown as it is.
        stopped = await ann_browser.post(f"{found[1]}/cancel", headers=HTMX)
        assert "All of it is spoken" in stopped.text

    async def test_somebody_elses_is_not_there(self, ann_browser: httpx.AsyncClient) -> None:
        for path in ("", "/stream"):
            answer = await ann_browser.get(f"/speech/requests/{'a' * 12}{path}")
            assert answer.status_code == 404
