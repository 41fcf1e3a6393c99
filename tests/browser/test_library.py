"""Sounds found, heard while browsing, published, kept, put in order and deleted."""

import zipfile
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.library_pages import LibraryPage, Player, PlaylistPage, SoundPage
from tests.browser.pages import Credentials, OpenPage, QueuePage, StartPage
from tests.browser.sounds import Musician, musician
from tools.throwaway_server import ThrowawayServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ada(server: ThrowawayServer) -> Iterator[Musician]:
    """Somebody with three published sounds."""
    with musician(server.address, "ada-lib") as made:
        for prompt, duration in (("slow harp", 8), ("deep organ", 20), ("bright flute", 20)):
            made.make(prompt, duration=duration)
        yield made


def toast(page: Page, text: str) -> None:
    expect(page.locator("#toasts")).to_contain_text(text)


def test_a_sound_plays_on_while_one_browses(page: Page, ada: Musician) -> None:
    library, player = LibraryPage(page), Player(page)
    library.open(f"?owner={ada.username}")
    expect(player.bar).to_be_hidden()
    library.play("bright flute")
    player.expect_playing("bright flute")
    player.play_on()
    page.get_by_role("link", name="Queue").click()
    expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()
    expect(page).to_have_title("Queue · Soundloom")
    expect(page.locator("#main")).to_be_focused()
    assert player.audio("paused") is False
    page.go_back()
    expect(library.sound("bright flute").get_by_role("button", name="Pause bright flute")).to_be_visible()
    player.wait_until("audio.currentTime > 0")
    player.button("Next sound").click()
    player.expect_playing("deep organ")
    player.button("Pause").click()
    assert player.audio("paused") is True
    player.title.click()
    expect(SoundPage(page).title).to_have_text("deep organ")
    page.reload()
    expect(player.title).to_have_text("deep organ")
    assert player.audio("paused") is True


def test_seek_repeat_speed_and_volume_by_keyboard(page: Page, ada: Musician) -> None:
    library, player = LibraryPage(page), Player(page)
    library.open(f"?owner={ada.username}")
    library.play("bright flute")
    player.expect_playing("bright flute")
    player.button("Pause").press("Enter")
    player.wait_until("audio.paused")
    player.position.focus()
    page.keyboard.press("ArrowRight")
    player.wait_until("audio.currentTime > 5")
    expect(player.position).not_to_have_attribute("aria-valuetext", "0:00 of 0:20")
    page.keyboard.press("Home")
    player.wait_until("audio.currentTime === 0")
    expect(player.position).to_have_attribute("aria-valuetext", "0:00 of 0:20")
    player.repeat.press("Enter")
    expect(player.repeat).to_have_attribute("aria-pressed", "true")
    assert player.audio("loop") is True
    player.button("Play").press("Enter")
    player.expect_playing("bright flute")
    player.bar.get_by_label("Speed").select_option("1.5")
    assert player.audio("playbackRate") == 1.5
    player.button("Mute").press("Space")
    assert player.audio("muted") is True
    page.wait_for_function("() => navigator.mediaSession.playbackState === 'playing'")
    page.locator("#main").focus()
    page.keyboard.press("Space")
    player.wait_until("audio.paused")
    page.wait_for_function("() => navigator.mediaSession.playbackState === 'paused'")
    assert page.evaluate("navigator.mediaSession.metadata.title") == "bright flute"
    player.button("Close the player").press("Enter")
    expect(player.bar).to_be_hidden()
    expect(page.locator("#main")).to_be_focused()


def test_the_list_plays_through_and_the_wave_of_a_sounds_own_page_seeks(page: Page, ada: Musician) -> None:
    library, player = LibraryPage(page), Player(page)
    library.open(f"?owner={ada.username}&sort=duration")
    library.play("deep organ")
    player.expect_playing("deep organ")
    player.position.focus()
    page.keyboard.press("End")
    player.expect_playing("slow harp")
    page.get_by_role("link", name="slow harp").first.click()
    page.get_by_role("slider", name="Play slow harp from").fill("1")
    player.wait_until("audio.currentTime >= 1 || audio.ended")


def test_search_as_one_types(page: Page, ada: Musician) -> None:
    library = LibraryPage(page)
    library.open(f"?owner={ada.username}")
    expect(library.sounds).to_have_count(3)
    library.search.press_sequentially("orga")
    expect(library.sounds).to_have_count(1)
    expect(library.search).to_be_focused()
    page.wait_for_url("**/library?q=orga&owner=*")
    library.search.press_sequentially("n")
    page.wait_for_url("**/library?q=organ&owner=*")
    page.reload()
    expect(library.sounds).to_have_count(1)
    expect(library.search).to_have_value("organ")
    page.go_back()
    expect(library.sounds).to_have_count(3)
    expect(library.search).to_have_value("")
    library.select("Length", "10 to 30 s")
    expect(library.sounds).to_have_count(2)
    library.search.fill("nothing like it")
    expect(page.get_by_text("Nothing matches.")).to_be_visible()
    page.get_by_role("link", name="Show all").last.click()
    expect(library.search).to_have_value("")


def test_publishing_is_seen_by_others_at_once(
    page: Page, open_page: OpenPage, server: ThrowawayServer
) -> None:
    with musician(server.address, "bea-pub") as bea:
        sound_id = bea.make("distant thunder", is_public=False)
    stranger = open_page()
    others = LibraryPage(stranger)
    others.open("?owner=bea-pub")
    expect(others.sounds).to_have_count(0)
    Credentials(page).sign_in("bea-pub")
    sound = SoundPage(page)
    sound.open(sound_id)
    sound.publish.click()
    expect(page.get_by_role("button", name="Unpublish")).to_be_visible()
    expect(others.sound("distant thunder")).to_be_visible()
    sound.rename("Storm", "weather, night")
    expect(sound.title).to_have_text("Storm")
    expect(others.sound("Storm")).to_be_visible()
    listener = open_page()
    SoundPage(listener).open(sound_id)
    expect(listener.locator("#live")).to_have_attribute("data-connection", "open")
    sound.delete()
    sound.dialog.get_by_role("button", name="Keep sound").click()
    expect(sound.dialog).to_be_hidden()
    sound.delete()
    sound.dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("You have not made any sounds yet.")).to_be_visible()
    expect(others.sounds).to_have_count(0)
    expect(listener.get_by_role("heading", name="This sound is no longer here.")).to_be_visible()


def test_votes_favourites_and_playlists(page: Page, open_page: OpenPage, ada: Musician) -> None:
    Credentials(page).register("carl-lib")
    library, playlist = LibraryPage(page), PlaylistPage(page)
    page.get_by_role("link", name="Library").click()
    library.search.fill("bright flute")
    expect(library.sounds).to_have_count(1)
    heart = page.get_by_role("button", name="Add bright flute to your favourites")
    heart.click()
    expect(heart).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Vote for bright flute: 0").click()
    voted = page.get_by_role("button", name="Vote for bright flute: 1")
    expect(voted).to_have_attribute("aria-pressed", "true")
    expect(voted).to_be_focused()
    page.get_by_role("link", name="Favourites").click()
    page.wait_for_url("**/library?view=favorites")
    expect(page.get_by_role("link", name="Favourites")).to_have_attribute("aria-current", "page")
    expect(library.sounds).to_have_count(1)
    library.open_menu("bright flute").get_by_role("link", name="New playlist").click()
    SoundPage(page).add_to_new_playlist("Evenings")
    toast(page, "Added to “Evenings”")
    library.open(f"?owner={ada.username}")
    library.open_menu("deep organ").get_by_role("button", name="Evenings").click()
    toast(page, "Added to “Evenings”")
    page.get_by_role("link", name="Playlists").click()
    page.get_by_role("link", name="Evenings").click()
    playlist.expect_order("bright flute", "deep organ")
    for _ in range(2):
        playlist.move("deep organ", "up")
        playlist.expect_order("deep organ", "bright flute")
        playlist.drag_first_down()
        playlist.expect_order("bright flute", "deep organ")
    page.reload()
    playlist.expect_order("bright flute", "deep organ")
    page.get_by_role("button", name="Share by link").click()
    expect(page.get_by_role("button", name="Stop sharing")).to_be_visible()
    friend = open_page()
    friend.goto(page.url)
    friend.get_by_role("button", name="Play all").click()
    Player(friend).expect_playing("bright flute")


def test_several_sounds_at_once(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "dora-lib") as dora:
        for prompt in ("one drum", "two drums", "three drums"):
            dora.make(prompt, is_public=False)
    Credentials(page).sign_in("dora-lib")
    library = LibraryPage(page)
    library.open("?view=mine&layout=rows")
    library.choose("one drum")
    library.choose("two drums")
    expect(page.get_by_text("2 sounds", exact=True)).to_be_visible()
    with page.expect_download() as archive:
        page.get_by_role("button", name="Download", exact=True).click()
    with zipfile.ZipFile(archive.value.path()) as opened:
        assert sum(name.endswith(".flac") for name in opened.namelist()) == 2
    page.get_by_role("button", name="Publish", exact=True).click()
    toast(page, "2 sounds published")
    expect(page.locator(".badge", has_text="Private")).to_have_count(1)
    page.get_by_label("All on this page").check()
    page.get_by_role("group", name="With the chosen sounds").get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("You have not made any sounds yet.")).to_be_visible()


def test_a_selection_goes_into_a_playlist(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "mix-lib") as mix:
        for prompt in ("one drum", "two drums", "three drums"):
            mix.make(prompt, duration=1, is_public=False)
    Credentials(page).sign_in("mix-lib")
    library, bar = LibraryPage(page), page.get_by_role("group", name="With the chosen sounds")
    library.open("?view=mine")
    library.choose("one drum")
    library.choose("two drums")
    bar.get_by_text("Playlist", exact=True).click()
    bar.get_by_label("Name of a new playlist").fill("Drums")
    bar.get_by_label("Name of a new playlist").press("Enter")
    toast(page, "2 sounds added to “Drums”")
    library.open("?view=mine")
    library.choose("two drums")
    library.choose("three drums")
    bar.get_by_text("Playlist", exact=True).click()
    bar.get_by_role("button", name="Drums").click()
    toast(page, "2 sounds added to “Drums”")
    page.goto("/playlists")
    page.get_by_role("link", name="Drums").first.click()
    expect(PlaylistPage(page).tracks).to_have_count(3)
    # What was there already stays where it was.
    assert set(PlaylistPage(page).titles()[:2]) == {"one drum", "two drums"}
    assert PlaylistPage(page).titles()[2:] == ["three drums"]


def test_a_new_sound_of_ones_own_appears_and_the_card_hands_over(page: Page, open_page: OpenPage) -> None:
    Credentials(page).register("emil-lib")
    start, player = StartPage(page), Player(page)
    other = page.context.new_page()
    other.goto("/library?view=mine")
    expect(other.get_by_text("You have not made any sounds yet.")).to_be_visible()
    card = start.ask("sea and wind", duration=20)
    card.expect_finished()
    expect(LibraryPage(other).sound("sea and wind")).to_be_visible()
    other.close()
    card.play()
    page.get_by_role("link", name="Queue").click()
    expect(QueuePage(page).empty).to_be_visible()
    player.expect_playing("sea and wind")
    page.go_back()
    expect(start.generate).to_be_visible()
    assert page.locator("audio").evaluate_all("all => all.filter(one => !one.paused).length") == 1


def test_without_script(open_page: OpenPage, server: ThrowawayServer) -> None:
    with musician(server.address, "gus-lib") as gus:
        sound_id = gus.make("creaking door", is_public=False)
    page = open_page(java_script_enabled=False)
    Credentials(page).sign_in("gus-lib")
    sound, library = SoundPage(page), LibraryPage(page)
    sound.open(sound_id)
    expect(page.locator("audio[controls]")).to_be_visible()
    sound.publish.click()
    expect(page.get_by_role("button", name="Unpublish")).to_be_visible()
    sound.rename("Door", "wood")
    expect(sound.title).to_have_text("Door")
    page.get_by_role("button", name="Vote for Door: 0").click()
    expect(page.get_by_role("button", name="Vote for Door: 1")).to_be_visible()
    library.open()
    library.search.fill("door")
    page.get_by_role("button", name="Search").click()
    expect(library.sound("Door").locator("audio[controls]")).to_be_visible()
    sound.open(sound_id)
    sound.delete()
    expect(page.get_by_role("heading", name="Delete this sound?")).to_be_visible()
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("You have not made any sounds yet.")).to_be_visible()


def test_a_download_has_a_name_and_is_counted(page: Page, ada: Musician) -> None:
    library = LibraryPage(page)
    library.open(f"?owner={ada.username}")
    menu = library.open_menu("slow harp")
    with page.expect_download() as download:
        menu.get_by_role("link", name="FLAC").click()
    assert download.value.suggested_filename.endswith(".flac")
    page.get_by_role("link", name="slow harp").first.click()
    expect(page.get_by_text("1 download", exact=True)).to_be_visible()
