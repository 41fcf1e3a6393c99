"""The form on the start page: what is set stays in sight, and nothing lies upon anything."""

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pages import Credentials, OpenContext, StartPage

MOST_STEPS = 60
# 1440 × 900 at 200 % zoom is 720 × 450.
SIZES = ((320, 640), (390, 844), (720, 450), (1024, 700), (1440, 900))
# Where the focus is, and whether a click on each quarter of that element would meet it.
FOCUSED = """() => {
    const element = document.activeElement;
    if (element === document.body) return null;
    const seen = element.closest("label") ?? element;
    const box = seen.getBoundingClientRect();
    const points = [0.25, 0.5, 0.75].map((part) => [box.left + box.width / 2, box.top + box.height * part]);
    const isCovered = points.some(([x, y]) => {
        const top = document.elementFromPoint(x, y);
        return !top || !(seen.contains(top) || top.contains(seen));
    });
    const name = element.id || element.name || element.textContent.trim();
    return {name: `${element.tagName} ${name}`, isCovered};
}"""


def walk(page: Page, key: str) -> list[str]:
    """Go through the page by Tab; gives what has the focus and is out of sight."""
    if key == "Tab":
        page.locator(".skip-link").focus()
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
def test_what_has_the_focus_is_in_sight(open_context: OpenContext, width: int, height: int) -> None:
    page = open_context(viewport=ViewportSize(width=width, height=height)).new_page()
    Credentials(page).register(f"tab-{width}")
    StartPage(page).prompt.fill("rain")
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Seed").fill("7")
    for key in ("Tab", "Shift+Tab"):
        assert walk(page, key) == [], key
    for model in page.locator(".model:not(:has(:checked))").all():
        box = model.bounding_box()
        assert box is not None
        assert box["height"] < 50


def test_changed_settings_are_in_sight_and_removable(page: Page) -> None:
    Credentials(page).register("set-once")
    start, shown = StartPage(page), page.get_by_role("list", name="Changed settings").get_by_role("button")
    expect(shown).to_have_count(0)
    start.duration.fill("2")
    page.get_by_label("Seamless loop").check()
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Seed").fill("7")
    page.get_by_label("Top k").fill("40")
    page.get_by_text("Advanced", exact=True).click()
    expect(shown).to_have_text(
        ["Remove Duration 2 s", "Remove Seamless loop", "Remove Seed 7", "Remove Top k 40"]
    )
    page.get_by_role("button", name="Remove Seamless loop").click()
    expect(page.get_by_label("Seamless loop")).not_to_be_checked()
    expect(shown.first).to_be_focused()
    start.ask("rain")
    # The seed was for that one.
    expect(shown).to_have_text(["Remove Duration 2 s", "Remove Top k 40"])
    expect(page.get_by_label("Seed")).to_have_value("")
    page.reload()
    expect(shown).to_have_text(["Remove Duration 2 s", "Remove Top k 40"])
    for _ in range(2):
        shown.first.click()
    expect(shown).to_have_count(0)
    expect(start.duration).to_have_value("8")
    expect(start.generate).to_be_focused()


def test_on_a_phone_a_new_job_can_be_gone_to(open_context: OpenContext) -> None:
    page = open_context(
        viewport=ViewportSize(width=390, height=844), has_touch=True, is_mobile=True
    ).new_page()
    Credentials(page).register("far-below")
    card = StartPage(page).ask("rain", duration=2)
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator("#toasts")).to_contain_text("In line, place 1")
    expect(card.locator).not_to_be_in_viewport()
    page.locator("#toasts").get_by_role("link", name="View").tap()
    expect(card.locator).to_be_in_viewport()
    expect(page.locator("#toasts")).to_be_empty()
