"""Nothing is cut off, covered or moved while one looks at it."""

from playwright.sync_api import ViewportSize, expect

from tests.browser.admin_pages import Explorer, sign_in_admin
from tests.browser.pages import Credentials, OpenContext, StartPage
from tests.browser.sounds import paused
from tools.throwaway_server import ThrowawayServer

LONG_PROMPT = "slow piano over heavy rain, with a choir far away, birds in the morning and bells at noon"
# How far the content of the table, and of each of its cells, sticks out.
STICKS_OUT = """() => [...document.querySelectorAll(".queue-jobs .table-wrap, .queue :is(th, td)")]
    .filter((box) => box.scrollWidth > box.clientWidth + 1)
    .map((box) => `${box.className} ${box.scrollWidth} > ${box.clientWidth}`)"""


def test_the_whole_form_is_there_beside_the_player(open_context: OpenContext) -> None:
    page = open_context(viewport=ViewportSize(width=1440, height=900)).new_page()
    Credentials(page).register("fits-player")
    card = StartPage(page).ask("rain", duration=2)
    card.expect_finished()
    button = StartPage(page).generate
    before = button.bounding_box()
    StartPage(page).duration.fill("30")
    expect(page.get_by_role("button", name="Remove Duration 30 s")).to_be_visible()
    assert button.bounding_box() == before
    card.locator.locator("[data-play]").click()
    expect(page.locator("#player")).to_be_visible()
    assert page.locator(".compose-body").evaluate("body => body.scrollHeight - body.clientHeight") <= 0
    expect(button).to_be_in_viewport(ratio=1)


def test_the_queue_fits_beside_its_actions(open_context: OpenContext, server: ThrowawayServer) -> None:
    page, other = open_context().new_page(), open_context().new_page()
    sign_in_admin(page)
    Credentials(other).register("fits-queue")
    with paused(server.address):
        StartPage(other).ask(LONG_PROMPT, duration=30)
        StartPage(other).ask(f"{LONG_PROMPT} again", duration=30)
        StartPage(page).ask(LONG_PROMPT, duration=30)
        for window in (page, other):
            for width in (1024, 1280, 1440, 1680):
                window.set_viewport_size(ViewportSize(width=width, height=900))
                Explorer(window).open()
                expect(window.locator("tr.queue-row.own").first).to_be_visible()
                assert window.evaluate(STICKS_OUT) == [], width
        Explorer(page).open()
        page.get_by_label("All on this page").check()
        Explorer(page).bulk("Cancel")
        page.get_by_role("dialog").get_by_role("button").last.click()
        expect(Explorer(page).empty).to_be_visible()
