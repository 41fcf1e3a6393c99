"""Whole journeys, on a wide screen, on a phone, and by keyboard alone."""

import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.keyboard import Keyboard
from tests.browser.library_pages import LibraryPage, Player, PlaylistPage, SoundPage
from tests.browser.pages import GENERATED_MS, PASSWORD, Card, Credentials, OpenPage, QueuePage, StartPage
from tests.browser.sounds import Musician, musician, paused
from tools.throwaway_server import ThrowawayServer

pytestmark = pytest.mark.slow

DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True},
}


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def page(open_page: OpenPage, device: str) -> Page:
    return open_page(**DEVICES[device])


@pytest.fixture(scope="module")
def ada(server: ThrowawayServer) -> Iterator[Musician]:
    """Somebody with two published sounds."""
    with musician(server.address, "ada-trip") as made:
        made.make("amber organ", duration=30)
        made.make("silver flute", duration=30)
        yield made


def test_a_newcomer(page: Page, device: str, ada: Musician) -> None:
    """Hears what others made, makes an account and a sound, and publishes it."""
    start, player = StartPage(page), Player(page)
    start.open()
    page.get_by_role("button", name="Play", exact=False).first.click()
    player.wait_until("!audio.paused")
    page.get_by_role("link", name="Create an account").first.click()
    Credentials(page).submit(f"newcomer-{device}", "Create account")
    expect(page.get_by_text("Nothing here yet.")).to_be_visible()
    page.get_by_role("list", name="Examples").get_by_role("link", name="crackling fire").click()
    start.duration.fill("10")
    expect(start.quote).to_contain_text("Uses 1 of")
    start.generate.click()
    card = start.newest()
    card.expect_finished()
    card.play()
    card.locator.get_by_label("More for").click()
    card.button("Publish").click()
    expect(page.locator("#toasts")).to_contain_text("Published")
    assert card.audio_property("paused") is False
    card.locator.get_by_role("link", name="crackling fire").click()
    expect(SoundPage(page).title).to_contain_text("crackling fire")
    player.wait_until("!audio.paused")
    Credentials(page).sign_out()
    LibraryPage(page).open(f"?owner=newcomer-{device}")
    expect(LibraryPage(page).sounds).to_have_count(1)


def test_somebody_who_comes_back_with_several_jobs(page: Page, device: str, server: ThrowawayServer) -> None:
    """Finds earlier sounds and a draft, asks for several more, cancels one, and takes one as a file."""
    name = f"returning-{device}"
    with musician(server.address, name) as earlier:
        earlier.make("rain of yesterday", is_public=False)
    Credentials(page).sign_in(name)
    start = StartPage(page)
    expect(start.cards).to_have_count(1)
    start.prompt.fill("four winds")
    start.duration.fill("10")
    page.reload()
    expect(start.prompt).to_have_value("four winds")
    page.get_by_role("radio", name="4", exact=True).check()
    expect(start.quote).to_contain_text("Uses 4 of")
    with paused(server.address):
        start.generate.click()
        # The variations of one request share a card.
        expect(start.cards).to_have_count(2)
        expect(page.locator(".take")).to_have_count(4)
        other = page.context.new_page()
        other.goto("/")
        expect(other.locator(".take")).to_have_count(4)
        cancelled = Card(page.locator(f"#{page.locator('.take').last.get_attribute('id')}"))
        cancelled.button("Cancel").click()
        cancelled.expect_text("Cancelled")
        expect(other.locator(".take.cancelled")).to_have_count(1)
        queue = QueuePage(other)
        queue.open()
        expect(queue.rows).to_have_count(3)
        queue.rows.last.get_by_role("button", name="Cancel").click()
        expect(queue.rows).to_have_count(2)
    expect(queue.empty).to_be_visible()
    other.close()
    expect(page.locator(".job audio")).to_have_count(3, timeout=GENERATED_MS)
    cancelled.button("Again, new seed").click()
    expect(start.cards).to_have_count(3)
    start.newest().expect_finished()
    with page.expect_download() as download:
        start.newest().locator.get_by_role("link", name="MP3").click()
    assert download.value.suggested_filename.endswith(".mp3")


def test_a_listener(page: Page, device: str, ada: Musician) -> None:
    """Plays while browsing, remixes, keeps, votes, makes a playlist, shares it and takes it along."""
    Credentials(page).register(f"listener-{device}")
    library, player, start = LibraryPage(page), Player(page), StartPage(page)
    page.get_by_role("link", name="Library").click()
    library.search.fill("amber organ")
    expect(library.sounds).to_have_count(1)
    library.play("amber organ")
    player.expect_playing("amber organ")
    player.play_on()
    for place in ("Queue", "Speech", "Create", "Library"):
        page.get_by_role("link", name=place, exact=True).click()
        expect(page.get_by_role("link", name=place, exact=True)).to_have_attribute("aria-current", "page")
    assert player.audio("paused") is False
    library.open_menu("amber organ").get_by_role("link", name="Remix").click()
    expect(start.prompt).to_have_value("amber organ")
    assert player.audio("paused") is False
    library.open(f"?owner={ada.username}")
    page.get_by_role("button", name="Add silver flute to your favourites").click()
    page.get_by_role("button", name="Vote for silver flute").click()
    page.get_by_role("link", name="silver flute").first.click()
    SoundPage(page).add_to_new_playlist("Evenings")
    expect(page.locator("#toasts")).to_contain_text("Evenings")
    library.open(f"?owner={ada.username}")
    library.open_menu("amber organ").get_by_role("button", name="Evenings").click()
    expect(page.locator("#toasts")).to_contain_text("Evenings")
    page.get_by_role("link", name="Playlists").click()
    page.get_by_role("link", name="Evenings").click()
    playlist = PlaylistPage(page)
    playlist.expect_order("silver flute", "amber organ")
    page.get_by_role("button", name="Move amber organ up").click()
    playlist.expect_order("amber organ", "silver flute")
    page.get_by_role("button", name="Share by link").click()
    expect(page.get_by_role("button", name="Stop sharing")).to_be_visible()
    with page.expect_download() as archive:
        page.locator("main").get_by_role("link", name="Download").click()
    with zipfile.ZipFile(archive.value.path()) as opened:
        assert sum(name.endswith(".flac") for name in opened.namelist()) == 2
        assert any(name.endswith("manifest.json") for name in opened.namelist())


def test_a_newcomer_with_only_a_keyboard(open_page: OpenPage, ada: Musician) -> None:
    """From the welcome to a published sound in a playlist."""
    page = open_page(**DEVICES["desktop"])
    keys, start, sound = Keyboard(page), StartPage(page), SoundPage(page)
    start.open()
    keys.press(page.get_by_role("link", name="Create an account"))
    keys.type(page.get_by_label("Username"), "keys-only")
    keys.type(page.get_by_label("Password"), PASSWORD)
    page.keyboard.press("Enter")
    keys.press(page.get_by_role("link", name="solo flute in D"))
    expect(start.prompt).to_be_focused()
    keys.reach(page.get_by_role("radio", name="Music", exact=False).first)
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="Sound effects")).to_be_checked()
    keys.type(start.duration, "10")
    keys.press(start.generate)
    expect(start.cards).to_have_count(1)
    expect(start.generate).to_be_focused()
    card = start.newest()
    card.expect_finished()
    keys.press(card.locator.get_by_label("More for"))
    keys.press(card.button("Publish"))
    expect(page.locator("#toasts")).to_contain_text("Published")
    keys.press(card.locator.get_by_role("link", name="solo flute in D").first)
    expect(page.locator("#main")).to_be_focused()
    keys.press(page.get_by_role("button", name="Play solo flute"))
    Player(page).wait_until("!audio.paused")
    keys.type(page.get_by_label("Title"), "Flute")
    page.keyboard.press("Enter")
    expect(sound.title).to_have_text("Flute")
    keys.type(page.get_by_label("Name of a new playlist"), "Calm")
    page.keyboard.press("Enter")
    expect(page.locator("#toasts")).to_contain_text("Calm")
    keys.press(page.get_by_role("button", name="Delete"))
    keys.press(sound.dialog.get_by_role("button", name="Keep sound"))
    keys.press(page.get_by_role("button", name="Sign out"))
    expect(page.get_by_role("link", name="Sign in").first).to_be_visible()


def test_a_listener_with_only_a_keyboard(open_page: OpenPage, ada: Musician) -> None:
    """Skips to the content, plays, opens a menu, and closes it where it was opened."""
    page = open_page(**DEVICES["desktop"])
    keys, library = Keyboard(page), LibraryPage(page)
    library.open(f"?owner={ada.username}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#main")).to_be_focused()
    keys.press(page.get_by_role("button", name="Play silver flute"))
    Player(page).expect_playing("silver flute")
    menu = library.sound("silver flute").locator("details.menu")
    keys.press(menu.locator("summary"))
    expect(menu.get_by_role("link", name="WAV")).to_be_visible()
    page.keyboard.press("ArrowDown")
    expect(menu.get_by_role("link", name="Remix")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu.locator("summary")).to_be_focused()
    expect(menu.get_by_role("link", name="WAV")).to_be_hidden()
    keys.press(Player(page).button("Next sound"))
    Player(page).expect_playing("amber organ")
