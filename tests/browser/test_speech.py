"""Speech as people use it: a voice is chosen and heard, a text is spoken, played and downloaded."""

import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

from tests.browser.axe import LONG, expect_for_everybody, expect_to_fit, needs_axe
from tests.browser.keyboard import Keyboard
from tests.browser.pages import Credentials, OpenPage, Watch
from tools.throwaway_server import throwaway_server

SPOKEN_MS = 60_000


class SpeechPage:
    """Where texts are spoken."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.text = page.get_by_label("Text", exact=True)
        self.language = page.get_by_label("Language", exact=True)
        self.voice = page.get_by_label("Voice", exact=True)
        self.sample = page.locator("#sample")
        self.speak = page.get_by_role("button", name="Speak", exact=True)
        self.spoken = page.locator(".spoken")

    def open(self) -> None:
        """Open the page, which looks again by itself while the speech worker of a fresh server starts."""
        self.page.goto("/speech")
        expect(self.voice).to_be_visible()

    def say(self, text: str) -> Locator:
        """Have a text spoken; what appears for it."""
        before = self.spoken.count()
        self.text.fill(text)
        self.speak.click()
        expect(self.spoken).to_have_count(before + 1, timeout=SPOKEN_MS)
        return self.spoken.first


def play(audio: Locator) -> None:
    audio.evaluate("audio => audio.play()")
    audio.page.wait_for_function("audio => audio.currentTime > 0.1", arg=audio.element_handle())


def test_a_text_is_spoken_and_heard(page: Page) -> None:
    Credentials(page).register("speaker")
    speech = SpeechPage(page)
    speech.open()
    expect(page.get_by_role("link", name="Speech")).to_have_attribute("aria-current", "page")
    speech.language.select_option(label="German")
    expect(speech.voice).to_have_value("espeak-de")
    speech.voice.select_option(label="German, female")
    expect(speech.sample).to_have_attribute("src", "/api/tts/sample/espeak-de-female")
    play(speech.sample)
    spoken = speech.say("Guten Morgen, liebe Leute.")
    expect(spoken).to_contain_text("Guten Morgen, liebe Leute.")
    expect(page.get_by_text("9 of 10 texts left this hour")).to_be_visible()
    expect(speech.voice).to_have_value("espeak-de-female")
    play(spoken.locator("audio"))
    with page.expect_download() as download:
        spoken.get_by_role("link", name="MP3").click()
    assert download.value.path().stat().st_size > 1000
    page.reload()
    expect(speech.spoken).to_have_count(1)
    spoken.get_by_label("More for").click()
    spoken.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(speech.spoken).to_have_count(0)


def test_a_long_text_is_heard_from_its_first_sentence_on(page: Page) -> None:
    Credentials(page).register("long-speaker")
    speech = SpeechPage(page)
    speech.open()
    speech.text.fill(" ".join(["This sentence is heard while others are spoken."] * 60))
    speech.speak.click()
    audio = page.locator("#speaking audio")
    expect(audio).to_be_visible(timeout=SPOKEN_MS)
    page.wait_for_function("audio => audio.currentTime > 0.1", arg=audio.element_handle())
    expect(speech.spoken).to_have_count(1, timeout=SPOKEN_MS)
    expect(page.get_by_text("All of it is spoken")).to_be_visible()
    # The sentence that is heard is shown by the player, and marked in the sound's text.
    speech.spoken.get_by_role("link", name="This sentence").first.click()
    page.get_by_role("button", name="Play This").first.click()
    expect(page.locator("[data-player-caption]")).to_contain_text("This sentence is heard", timeout=SPOKEN_MS)
    expect(page.locator("[data-sentence='0'].is-said")).to_have_count(1)


def test_a_draft_survives_a_reload_and_goes_with_its_owner(page: Page) -> None:
    Credentials(page).register("drafter")
    speech = SpeechPage(page)
    speech.open()
    speech.text.fill("Hello 😀")
    expect(page.locator("[data-counter-for='text']")).to_have_text("7 / 5,000")
    page.reload()
    expect(speech.text).to_have_value("Hello 😀")
    expect(page.locator("[data-counter-for='text']")).to_have_text("7 / 5,000")
    Credentials(page).sign_out()
    page.goto("/speech")
    expect(speech.text).to_have_value("")


def test_with_only_a_keyboard(page: Page) -> None:
    Credentials(page).register("keyboard-speaker")
    speech = SpeechPage(page)
    speech.open()
    keyboard = Keyboard(page)
    keyboard.reach(speech.text)
    page.keyboard.type("Good morning.")
    keyboard.reach(speech.language)
    page.keyboard.type("Italian")
    expect(speech.voice).to_have_value("espeak-it")
    expect(speech.language).to_be_focused()
    keyboard.reach(speech.voice)
    page.keyboard.press("ArrowDown")
    expect(speech.sample).to_have_attribute("src", "/api/tts/sample/espeak-it-female")
    expect(speech.voice).to_be_focused()
    keyboard.reach(speech.speak)
    page.keyboard.press("Enter")
    expect(speech.spoken).to_have_count(1, timeout=SPOKEN_MS)
    # Whoever goes on from there need not begin at the top of the page again.
    expect(speech.speak).to_be_focused()
    keyboard.reach(speech.spoken.get_by_role("link", name="MP3"))


def test_speech_that_is_away_comes_back_by_itself(page: Page, tmp_path: Path) -> None:
    speech = SpeechPage(page)
    with throwaway_server(folder=tmp_path, speech_workers="0") as quiet:
        page.goto(f"{quiet.address}/speech")
        expect(page.get_by_text("Speech is not available right now")).to_be_visible()
        speech.text.fill("still here")
        environment = {**os.environ, "SOUNDLOOM_DATA_DIR": str(tmp_path)}
        worker = subprocess.Popen([sys.executable, "-m", "webapp", "speech-worker"], env=environment)
        try:
            expect(speech.voice).to_be_visible(timeout=SPOKEN_MS)
            expect(page.get_by_text("Speech is not available right now")).to_have_count(0)
            expect(speech.text).to_have_value("still here")
            page.close()
        finally:
            worker.terminate()
            worker.wait(SPOKEN_MS / 1000)


def test_it_works_without_script(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    Credentials(page).register("plain-speaker")
    speech = SpeechPage(page)
    speech.open()
    speech.text.fill("Bonjour à tous.")
    speech.language.select_option(label="French")
    page.get_by_role("button", name="Show its voices").click()
    expect(speech.text).to_have_value("Bonjour à tous.")
    speech.voice.select_option("espeak-fr-fr")
    speech.speak.click()
    expect(speech.spoken).to_have_count(1, timeout=SPOKEN_MS)
    expect(speech.spoken.locator("audio")).to_have_count(1)


@needs_axe
def test_everybody_can_use_it(open_page: OpenPage, watch: Watch) -> None:
    page = open_page(viewport={"width": 390, "height": 800})
    speech = SpeechPage(page)
    speech.open()
    expect_for_everybody(page, "a stranger")
    Credentials(page).register("access")
    speech.open()
    expect_for_everybody(page, "nothing spoken yet")
    speech.say(LONG)
    expect_for_everybody(page, "a long text")
    speech.text.fill("...")
    speech.speak.click()
    expect(page.get_by_text("Text has nothing that can be spoken")).to_be_visible()
    expect_for_everybody(page, "a refused text")
    expect_to_fit(page, "/speech")
    # The refusal, as the browser notes it.
    watch.forgive("answered 400", "status of 400")
