"""Nothing lies upon anything: what has the focus is in sight, at every size, beside all that sticks."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.library_pages import Player
from tests.browser.pages import Credentials, OpenContext, StartPage
from tests.browser.sounds import Musician, musician
from tools.throwaway_server import ThrowawayServer

pytestmark = pytest.mark.slow

MOST_STEPS = 150
# 1440 × 900 at 200 % zoom is 720 × 450.
SIZES = ((320, 640), (390, 844), (720, 450), (1024, 700), (1440, 900))
# Where the focus is, and whether a click on each quarter of that element would meet it.
FOCUSED = """() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const seen = element.closest("label") ?? element;
    const box = seen.getBoundingClientRect();
    const points = [0.25, 0.5, 0.75].map((part) => [box.left + box.width / 2, box.top + box.height * part]);
    const isIn = (top) => top && (seen.contains(top) || top.contains(seen));
    const meet = ([x, y]) => isIn(document.elementFromPoint(x, y));
    // A region that scrolls may be taller than the window: part of it is enough.
    const isCovered = element.getAttribute("role") === "region" ? !points.some(meet) : !points.every(meet);
    const name = element.id || element.name || element.textContent.trim();
    return {name: `${element.tagName} ${name}`, isCovered};
}"""


@pytest.fixture(scope="module")
def listened(server: ThrowawayServer) -> Iterator[tuple[Musician, list[str]]]:
    with musician(server.address, "tab-lib") as tab:
        yield tab, [tab.make(f"rain {number}", duration=1) for number in range(3)]


def walk(page: Page, key: str) -> list[str]:
    """Go through the page by Tab; gives what has the focus and is out of sight."""
    page.locator(".skip-link" if key == "Tab" else "#player [data-player-do=close]").focus()
    focused = []
    for _ in range(MOST_STEPS):
        page.keyboard.press(key)
        found = page.evaluate(FOCUSED)
        if found is None:
            break
        focused.append(found)
    assert len(focused) > 10, "there is more to go through"
    return [found["name"] for found in focused if found["isCovered"]]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_on_every_page_with_the_player_and_a_selection(
    open_context: OpenContext, listened: tuple[Musician, list[str]], width: int, height: int
) -> None:
    page = open_context(viewport=ViewportSize(width=width, height=height)).new_page()
    tab, sounds = listened
    Credentials(page).sign_in(tab.username)
    page.goto("/library?view=mine")
    page.get_by_role("button", name="Play rain 0").click()
    expect(Player(page).bar).to_be_visible()
    for path in ("/library?view=mine", "/", "/queue", "/speech", f"/sounds/{sounds[0]}", "/account"):
        page.goto(path)
        expect(Player(page).bar).to_be_visible()
        if path.startswith("/library"):
            page.get_by_label("Choose rain 0").check()
        elif path == "/":
            StartPage(page).prompt.fill("rain")
            page.get_by_text("Advanced", exact=True).click()
            page.locator("#seed").fill("7")
        for key in ("Tab", "Shift+Tab"):
            assert walk(page, key) == [], f"{path}, {key}"


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_models_take_one_line_and_the_form_fits(open_context: OpenContext, width: int, height: int) -> None:
    page = open_context(viewport=ViewportSize(width=width, height=height)).new_page()
    Credentials(page).register(f"fits-{width}")
    StartPage(page).duration.fill("30")
    expect(page.get_by_role("button", name="Remove Duration 30 s")).to_be_visible()
    for model in page.locator(".model:not(:has(:checked))").all():
        box = model.bounding_box()
        assert box is not None
        assert box["height"] < 50
    if (width, height) == (1440, 900):
        assert page.locator(".compose-body").evaluate("body => body.scrollHeight - body.clientHeight") <= 0
        expect(StartPage(page).generate).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
