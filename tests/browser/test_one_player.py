"""One player for every sound: its controls on the cards, the bar at the bottom, no second sound."""

import re

from playwright.sync_api import Page, expect

from tests.browser.library_pages import LibraryPage, Player
from tests.browser.pages import GENERATED_MS, Credentials, OpenPage, StartPage
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer

PLAYING = "all => all.filter(one => !one.paused).length"


def test_a_card_plays_in_the_bar_with_controls_of_its_own(page: Page) -> None:
    Credentials(page).register("one-player")
    start, player = StartPage(page), Player(page)
    page.get_by_label("Seamless loop").check()
    card = start.ask("sea and wind", duration=20)
    card.expect_finished()
    # No native controls for whoever has a script; the element and its source are there all the same.
    expect(card.audio).to_be_hidden()
    expect(page.locator("main audio")).to_have_attribute("src", re.compile("^/audio/[0-9a-f]{20}.wav$"))
    expect(card.locator.locator("[data-sound-time]")).to_have_text("0:20")
    card.button("Play sea and wind").click()
    player.expect_playing("sea and wind")
    # It was asked for as a loop, and says so in both places.
    assert player.audio("loop") is True
    card.locator.get_by_label("Repeat").uncheck()
    expect(player.repeat).to_have_attribute("aria-pressed", "false")
    card.locator.get_by_role("slider").fill("12")
    player.wait_until("audio.currentTime >= 12")
    expect(card.locator.locator("[data-sound-time]")).to_have_text(re.compile("0:1[2-9]"))
    card.button("Pause sea and wind").click()
    assert player.audio("paused") is True


def test_what_repeats_on_its_card_does_not_make_a_list_repeat(page: Page) -> None:
    Credentials(page).register("no-endless-list")
    player = Player(page)
    page.get_by_label("Seamless loop").check()
    card = StartPage(page).ask("waves", duration=2)
    card.expect_finished()
    card.button("Play waves").click()
    player.expect_playing("waves")
    page.get_by_role("link", name="Library").click()
    page.get_by_role("link", name="Yours", exact=True).click()
    assert player.audio("loop") is True
    player.button("Close the player").click()
    LibraryPage(page).play("waves")
    player.wait_until("!audio.loop")


def test_two_tabs_do_not_play_at_once(page: Page) -> None:
    Credentials(page).register("two-tabs")
    card = StartPage(page).ask("sea", duration=20)
    card.expect_finished()
    other = page.context.new_page()
    other.goto("/library?view=mine")
    card.button("Play sea").click()
    Player(page).expect_playing("sea")
    LibraryPage(other).play("sea")
    Player(other).expect_playing("sea")
    Player(page).wait_until("audio.paused")
    expect(card.button("Play sea")).to_be_visible()
    card.button("Play sea").click()
    Player(other).wait_until("audio.paused")
    assert Player(page).audio("paused") is False


def test_a_spoken_text_and_a_voice_use_the_same_controls(page: Page) -> None:
    Credentials(page).register("spoken-player")
    page.goto("/speech")
    page.get_by_label("Text", exact=True).fill("One two three four five six seven eight nine ten.")
    page.get_by_role("button", name="Speak").click()
    spoken = page.locator(".spoken").first
    spoken.get_by_role("button", name=re.compile("^Play One")).click(timeout=GENERATED_MS)
    Player(page).wait_until("!audio.paused && audio.currentTime > 0.05")
    sample = page.get_by_role("button", name="Sample of this voice")
    sample.click()
    page.wait_for_function("audio => audio.currentTime > 0", arg=page.locator("#sample").element_handle())
    assert page.locator("audio").evaluate_all(PLAYING) <= 1
    expect(page.locator("main audio:visible")).to_have_count(0)


def test_a_list_plays_as_a_whole_and_shuffled(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "play-all") as maker:
        for number in range(4):
            maker.make(f"sound {number}", duration=1)
    Credentials(page).sign_in(maker.username)
    library, player = LibraryPage(page), Player(page)
    library.open("?view=mine")
    titles = page.locator(".sound-card-title").all_inner_texts()
    page.get_by_role("button", name="Play all").click()
    heard = [player.title.inner_text()]
    while player.button("Next sound").get_attribute("aria-disabled") == "false":
        player.button("Next sound").click()
        heard.append(player.title.inner_text())
    assert heard == titles
    page.evaluate("Math.random = () => 0")
    page.get_by_role("button", name="Shuffle").click()
    expect(player.title).to_have_text(titles[1])


def test_without_script_a_card_has_the_browsers_controls(
    open_page: OpenPage, server: ThrowawayServer
) -> None:
    with musician(server.address, "plain-card") as maker:
        maker.make("door")
    page = open_page(java_script_enabled=False)
    Credentials(page).sign_in(maker.username)
    expect(page.locator(".job audio")).to_be_visible()
    expect(page.locator(".job").get_by_role("button", name="Play door")).to_be_hidden()
