"""Every page against WCAG 2.2 AA, light and dark, wide and narrow."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import Credentials, OpenPage, StartPage, Watch, violations

AXE = Path(__file__).resolve().parents[2] / "build/test-assets/axe.min.js"
LONG = "averyveryverylongwordwithoutanyspaces" * 6 + " بيانو بطيء 🌧️ " + "more words " * 30
WIDTHS = (320, 390, 768, 1280)

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="make setup fetches axe")


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_for_everybody(open_page: OpenPage, watch: Watch, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    for path in ("/", "/login", "/register", "/queue", "/docs", "/nothing-here"):
        page.goto(path)
        assert violations(page, AXE) == [], path
    assert all("404" in fault for fault in watch.faults)
    watch.faults.clear()


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_of_an_account(open_page: OpenPage, watch: Watch, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    Credentials(page).register(f"ada-{scheme}")
    start = StartPage(page)
    card = start.ask(LONG, duration=2)
    card.expect_finished()
    card.locator.get_by_text("Spectrogram and details").click()
    for number in range(3):
        start.ask(f"sea {number}", duration=30)
    page.get_by_text("Advanced").click()
    assert violations(page, AXE) == []
    page.locator("#duration").evaluate("field => field.removeAttribute('max')")
    start.duration.fill("999")
    start.generate.click()
    expect(page.locator("#duration-error")).to_be_visible()
    assert violations(page, AXE) == []
    watch.faults.clear()
    page.goto("/queue")
    assert violations(page, AXE) == []
    page.goto("/account")
    page.get_by_text("Delete this account").click()
    assert violations(page, AXE) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_runs_off_the_side(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    Credentials(page).register(f"wide-{width}")
    start = StartPage(page)
    start.ask(LONG, duration=2).expect_finished()
    start.ask("something that waits", duration=30)
    for path in ("/", "/queue", "/account", "/docs"):
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_the_form_works_by_keyboard(page: Page) -> None:
    Credentials(page).register("keys-only")
    start = StartPage(page)
    start.prompt.focus()
    page.keyboard.type("rain on a roof")
    start.generate.focus()
    page.keyboard.press("Enter")
    expect(start.cards).to_have_count(1)
    start.newest().expect_finished()
    page.reload()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Go to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
