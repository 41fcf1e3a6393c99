"""Takes of one request share a card: they are compared, kept and discarded there. Sounds are made longer."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.library_pages import Player
from tests.browser.pages import GENERATED_MS, Credentials, StartPage

pytestmark = pytest.mark.slow


def test_takes_are_compared_at_the_same_moment_and_one_is_discarded(page: Page) -> None:
    Credentials(page).register("comparing")
    start, player = StartPage(page), Player(page)
    page.get_by_role("radio", name="4", exact=True).check()
    card = start.ask("sea and wind", duration=20)
    takes = card.locator.locator(".take")
    expect(takes).to_have_count(4)
    expect(card.audio).to_have_count(4, timeout=GENERATED_MS)
    first, second, third = (card.locator.get_by_role("article", name=f"Variation {name}") for name in "ABC")
    first.get_by_role("slider").fill("12")
    player.wait_until("audio.currentTime >= 12")
    second.get_by_role("button", name="Play sea and wind").click()
    expect(second.get_by_role("button", name="Pause sea and wind")).to_be_visible()
    assert player.audio("currentTime") >= 12
    second.get_by_role("button", name="Pause sea and wind").click()
    third.get_by_role("button", name="Discard variation C").click()
    page.get_by_role("button", name="Discard it").click()
    expect(takes).to_have_count(3)
    first.get_by_role("button", name="Keep only this one").click()
    page.get_by_role("button", name="Delete the others").click()
    expect(takes).to_have_count(0)
    expect(card.audio).to_have_count(0)
    expect(start.cards).to_have_count(1)
    expect(page.locator(".job audio")).to_have_count(1)


def test_a_sound_is_made_longer_on_its_page_and_its_history_is_there(page: Page) -> None:
    Credentials(page).register("longer")
    card = StartPage(page).ask("rain", duration=2)
    card.expect_finished()
    page.get_by_role("link", name="rain", exact=True).first.click()
    page.get_by_label("Go on from").fill("1.5")
    page.get_by_label("New length").fill("4")
    page.get_by_label("What comes then").fill("birds")
    page.get_by_role("button", name="Continue", exact=True).click()
    longer = StartPage(page)
    expect(page.locator(".job audio")).to_have_count(2, timeout=GENERATED_MS)
    expect(longer.cards).to_have_count(2)
    page.get_by_role("link", name="birds", exact=True).first.click()
    history = page.get_by_role("region", name="History")
    expect(history).to_contain_text("continued from 1.5 s")
    history.get_by_role("link", name="rain").click()
    expect(page.get_by_role("region", name="History")).to_contain_text("Goes on in")
    page.get_by_role("button", name="More like this").click()
    expect(page.locator(".take")).to_have_count(4)
