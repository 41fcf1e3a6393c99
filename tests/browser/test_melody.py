"""A melody is recorded or dropped, trimmed, sent, and followed."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Credentials, OpenContext, StartPage, Watch
from tests.library.sent_sounds import wav

UNTIL_HEARD = """() => new Promise((heard) => {
    const begun = performance.now();
    const look = () => {
        const isLoud = document.querySelector("[data-melody-level]").value > 0.2;
        // What is shorter than half a second is not taken in.
        if (isLoud && performance.now() - begun > 1000) heard();
        else requestAnimationFrame(look);
    };
    look();
})"""


@pytest.fixture
def page_that_may_record(open_context: OpenContext) -> Page:
    """A page whose browser has a microphone, a made-up one that beeps, and lets it be used."""
    return open_context(permissions=["microphone"]).new_page()


def opened(page: Page, name: str) -> Page:
    Credentials(page).register(name)
    page.get_by_text("Follow a melody", exact=True).click()
    return page


def test_a_line_is_recorded_trimmed_and_followed(page_that_may_record: Page) -> None:
    page = opened(page_that_may_record, "hums")
    record, level = page.get_by_role("button", name="Record"), page.get_by_label("Level")
    record.click()
    expect(page.get_by_text("Recording …")).to_be_visible()
    expect(level).to_be_visible()
    # What the microphone hears moves the meter.
    page.evaluate(UNTIL_HEARD)
    record.click()
    expect(level).to_be_hidden()
    start, end = (page.get_by_role("slider", name=name) for name in ("Start", "End"))
    whole_s = float(end.input_value())
    end.fill(str(round(whole_s * 0.9, 2)))
    expect(start).to_have_value("0")
    page.get_by_role("button", name="Use this").click()
    status = page.locator("[data-melody-status]")
    expect(status).to_have_text(re.compile(r"The next sounds follow this melody of \d+\.\d s"))
    expect(page.get_by_role("button", name="Remove the melody")).to_be_focused()
    with page.expect_request(lambda request: request.method == "POST" and request.url.endswith("/")) as sent:
        StartPage(page).ask("solo flute", duration=2)
    assert re.search(r"melody_upload=[0-9a-f]{20}", sent.value.post_data or "")
    # It stays for the next ones, until it is removed.
    page.get_by_role("button", name="Remove the melody").click()
    expect(page.locator("[name='melody_upload']")).to_have_value("")
    expect(record).to_be_focused()


def test_a_file_is_dropped(page: Page) -> None:
    opened(page, "drops")
    data = list(wav(1.5))
    page.evaluate(
        """(data) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([new Uint8Array(data)], "line.wav"));
            const zone = document.querySelector("[data-melody-drop]");
            for (const type of ["dragover", "drop"]) {
                const how = { bubbles: true, cancelable: true, dataTransfer: transfer };
                zone.dispatchEvent(new DragEvent(type, how));
            }
        }""",
        data,
    )
    page.get_by_role("button", name="Use this").click()
    expect(page.locator("[data-melody-status]")).to_have_text("The next sounds follow this melody of 1.5 s")


def test_a_file_that_is_no_sound_is_told_in_plain_words(page: Page, watch: Watch) -> None:
    opened(page, "wrong-file")
    page.locator("[data-melody-file]").set_input_files(
        {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"do re mi"}
    )
    status = page.locator("[data-melody-status]")
    expect(status).to_have_text("This is no sound that can be read; send WAV, FLAC, OGG, MP3 or WebM")
    expect(page.get_by_role("button", name="Use this")).to_be_hidden()
    watch.forgive("answered 415", "status of 415")
