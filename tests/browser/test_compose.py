"""The form on the start page: what is set stays in sight, and a new job is found."""

import re

from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pages import Credentials, OpenContext, StartPage
from tests.browser.sounds import paused
from tools.throwaway_server import ThrowawayServer


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


def test_on_a_phone_a_new_job_can_be_gone_to(open_context: OpenContext, server: ThrowawayServer) -> None:
    page = open_context(
        viewport=ViewportSize(width=390, height=844), has_touch=True, is_mobile=True
    ).new_page()
    Credentials(page).register("far-below")
    # Once the job has ended, there is nothing in line to go to.
    with paused(server.address):
        card = StartPage(page).ask("rain", duration=2)
        page.evaluate("scrollTo(0, 0)")
        expect(page.locator("#toasts")).to_contain_text(re.compile("In line, place [0-9]"))
        expect(card.locator).not_to_be_in_viewport()
        page.locator("#toasts").get_by_role("link", name="View").tap()
        expect(card.locator).to_be_in_viewport()
        expect(page.locator("#toasts")).to_be_empty()


def test_a_duration_is_set_by_one_click(page: Page) -> None:
    Credentials(page).register("preset")
    start, presets = StartPage(page), page.get_by_role("group", name="Usual lengths").get_by_role("button")
    # What the tier does not allow is not offered.
    expect(presets).to_have_text(["5 s", "10 s", "30 s"])
    presets.nth(1).click()
    expect(start.duration).to_have_value("10")
    expect(presets.nth(1)).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="Remove Duration 10 s")).to_be_visible()
    start.duration.fill("11")
    expect(presets.nth(1)).to_have_attribute("aria-pressed", "false")
    page.reload()
    expect(start.duration).to_have_value("11")
