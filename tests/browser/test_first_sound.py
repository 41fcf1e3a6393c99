"""From a printed link to a sound that plays."""

import time

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.pages import GENERATED_MS, Credentials, OpenPage, QueuePage, StartPage, Watch
from tests.browser.sounds import paused
from tools.throwaway_server import ThrowawayServer, throwaway_server

pytestmark = pytest.mark.slow

# Keeps every value that a progress bar of the page ever shows.
NOTE_PROGRESS = """() => {
    window.shownProgress = [];
    const look = () => document.querySelectorAll("progress").forEach((bar) => {
        if (bar.value !== window.shownProgress.at(-1)) window.shownProgress.push(bar.value);
    });
    new MutationObserver(look).observe(document, {
        subtree: true, childList: true, attributes: true, attributeFilter: ["value"],
    });
}"""


@pytest.fixture
def start(page: Page, request: pytest.FixtureRequest) -> StartPage:
    """The start page of somebody who has just registered."""
    Credentials(page).register(f"u{abs(hash(request.node.name)) % 10**9}")
    return StartPage(page)


def test_the_set_up_link_makes_the_admin_who_types_and_hears(page: Page) -> None:
    with throwaway_server() as server:
        page.goto(server.setup_link)
        Credentials(page).submit("root", "Create account")
        start = StartPage(page)
        expect(page.get_by_text("sketch: rule-based, no model").first).to_be_visible()
        card = start.ask("slow piano over heavy rain", duration=2)
        card.expect_finished()
        card.play()
        page.close()


def test_one_sees_progress_without_reloading_and_plays_the_result(page: Page, start: StartPage) -> None:
    start.mark()
    page.evaluate(NOTE_PROGRESS)
    card = start.ask("slow piano over heavy rain", duration=30)
    card.expect_finished()
    start.expect_mark()
    shown = page.evaluate("window.shownProgress")
    assert shown == sorted(shown)
    assert len({value for value in shown if value > 0}) >= 2, "the percentage was not seen to move"
    card.play()
    assert card.audio_property("duration") == pytest.approx(30, abs=0.05)
    at = card.audio_property("currentTime")
    page.wait_for_function("([audio, at]) => audio.currentTime > at", arg=[card.audio.element_handle(), at])
    assert card.audio_property("error") is None


def test_a_playing_sound_goes_on_while_others_are_made(page: Page, start: StartPage) -> None:
    first = start.ask("sea and wind", duration=5)
    first.expect_finished()
    first.play()
    start.prompt.focus()
    other = start.ask("128 BPM techno", duration=5)
    other.expect_finished()
    assert first.audio_property("paused") is False
    first.expect_time_to_pass()


def test_what_is_typed_and_where_the_cursor_is_survive_live_updates(page: Page, start: StartPage) -> None:
    card = start.ask("rain", duration=8)
    start.prompt.fill("")
    start.prompt.press_sequentially("half a sen")
    card.expect_finished()
    start.prompt.press_sequentially("tence")
    expect(start.prompt).to_have_value("half a sentence")
    expect(start.prompt).to_be_focused()


def test_what_is_typed_while_a_job_is_being_sent_stays(page: Page, start: StartPage) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "POST":
            held.append(route)
        else:
            route.continue_()

    page.route("**/", hold)
    start.prompt.fill("first")
    start.duration.fill("2")
    with page.expect_request(lambda request: request.method == "POST"):
        start.generate.click()
    start.prompt.fill("second")
    start.duration.fill("3")
    start.generate.focus()
    held.pop().continue_()
    expect(page.locator("#compose.htmx-request")).to_have_count(0)
    start.newest().expect_text("first")
    expect(start.prompt).to_have_value("second")
    expect(start.duration).to_have_value("3")


def test_a_reload_and_another_tab_show_the_same(page: Page, start: StartPage) -> None:
    other = page.context.new_page()
    other.goto("/")
    card = start.ask("birds in the morning", duration=5)
    expect(StartPage(other).cards.first).to_contain_text("birds in the morning")
    card.expect_finished()
    expect(other.locator(".job audio")).to_have_count(1)
    page.reload()
    expect(page.locator(".job audio")).to_have_count(1)


def test_a_draft_survives_a_reload_and_goes_with_its_owner(page: Page, start: StartPage) -> None:
    start.prompt.fill("an unfinished thought")
    start.duration.fill("12")
    page.reload()
    expect(start.prompt).to_have_value("an unfinished thought")
    expect(start.duration).to_have_value("12")
    expect(page.locator("#counter")).to_have_text("21 / 1,000")
    Credentials(page).sign_out()
    Credentials(page).register("next-person")
    expect(start.prompt).to_have_value("")


def test_an_example_fills_the_prompt(page: Page, start: StartPage) -> None:
    page.get_by_role("link", name="solo flute in D").click()
    expect(start.prompt).to_have_value("solo flute in D, calm, by the sea")
    assert page.url.endswith("/")


def test_several_variations_of_a_surprise_by_keyboard(page: Page, start: StartPage) -> None:
    page.get_by_role("link", name="Surprise me").click()
    expect(start.prompt).not_to_have_value("")
    expect(start.prompt).to_be_focused()
    start.duration.fill("2")
    page.get_by_role("radio", name="2", exact=True).check()
    expect(start.quote).to_contain_text("Uses 2 of")
    start.prompt.press("Control+Enter")
    expect(start.cards).to_have_count(1)
    expect(page.locator(".take")).to_have_count(2)
    expect(page.locator(".job audio")).to_have_count(2, timeout=GENERATED_MS)


def test_the_quote_follows_the_form(start: StartPage) -> None:
    expect(start.quote).to_contain_text("making it takes")
    told = start.quote.inner_text()
    start.duration.fill("170")
    expect(start.quote).not_to_have_text(told)
    expect(start.quote).to_contain_text("making it takes about")


def test_sign_out_and_in(page: Page, start: StartPage) -> None:
    Credentials(page).sign_out()
    Credentials(page).register_by_form("by-forms")
    expect(page.locator(".account-link")).to_have_text("by-forms")
    Credentials(page).sign_out()
    Credentials(page).sign_in_by_form("by-forms")
    expect(page.locator(".account-link")).to_have_text("by-forms")


def test_the_queue_is_live_and_keeps_other_peoples_words_to_itself(
    start: StartPage, open_page: OpenPage, server: ThrowawayServer
) -> None:
    stranger = open_page()
    queue = QueuePage(stranger)
    queue.open()
    with paused(server.address):
        for number in range(2):
            start.ask(f"words of my own {number}", duration=2)
        expect(queue.rows).to_have_count(2)
        expect(stranger.locator("body")).not_to_contain_text("words of my own")
    expect(queue.empty).to_be_visible()


def test_errors_are_shown_where_they_arise(page: Page, start: StartPage, watch: Watch) -> None:
    page.locator("#duration").evaluate("field => field.removeAttribute('max')")
    start.prompt.fill("rain")
    start.duration.fill("31")
    start.generate.click()
    expect(page.locator("#duration-error")).to_have_text("Duration exceeds your tier limit")
    expect(start.prompt).to_have_value("rain")
    # The browser notes the refusal by itself; nothing else went wrong.
    watch.forgive("answered 400", "status of 400")


def test_without_javascript_everything_but_live_works(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    Credentials(page).register_by_form("no-script")
    start = StartPage(page)
    card = start.ask("wind", duration=2)
    expect(page).to_have_url(f"{page.url.partition('#')[0]}#{card.locator.get_attribute('id')}")
    until = time.monotonic() + GENERATED_MS / 1000
    while not card.audio.count():
        assert time.monotonic() < until, card.locator.inner_text()
        page.reload()
    Credentials(page).sign_out()
    expect(page.get_by_role("heading", name="Type what you want to hear.")).to_be_visible()
