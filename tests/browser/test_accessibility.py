"""Every page against WCAG 2.2 AA in each of its states; without script; whole journeys by keyboard alone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, expect

from tests.browser.axe import LONG, RIGHT_TO_LEFT, expect_for_everybody, expect_to_fit, needs_axe
from tests.browser.library_pages import LibraryPage, Player, SoundPage
from tests.browser.pages import Credentials, OpenPage, StartPage, Watch
from tests.browser.sounds import musician, paused
from tools.throwaway_server import ThrowawayServer

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Shelf:
    """Somebody's sounds: a private one with a long prompt, a published one, a playlist with both."""

    username: str
    private: str
    public: str
    playlist: str

    @property
    def paths(self) -> tuple[str, ...]:
        return (
            "/library",
            "/library?view=mine&layout=rows",
            "/library?view=favorites",
            "/library?q=nothing+like+this",
            f"/sounds/{self.private}",
            f"/sounds/{self.public}",
            "/playlists",
            f"/playlists/{self.playlist}",
        )


@pytest.fixture(scope="module")
def shelf(server: ThrowawayServer) -> Iterator[Shelf]:
    with musician(server.address, "hal-shelf") as hal:
        private = hal.make(LONG, is_public=False, tags=["calm", "sea"])
        public = hal.make(RIGHT_TO_LEFT, duration=10)
        playlist = hal.api.post("/api/playlists", json={"name": LONG[:100], "is_shared": True}).json()["id"]
        for sound_id in (private, public):
            assert hal.api.post(f"/api/playlists/{playlist}/tracks", json={"id": sound_id}).is_success
        yield Shelf("hal-shelf", private, public, playlist)


@pytest.fixture
def somebody(page: Page, shelf: Shelf) -> Page:
    """The owner of the shelf, signed in."""
    Credentials(page).sign_in(shelf.username)
    return page


@needs_axe
def test_for_strangers(page: Page, shelf: Shelf, watch: Watch) -> None:
    for path in (
        "/",
        "/login",
        "/register",
        "/library?owner=nobody",
        f"/playlists/{shelf.playlist}",
        "/docs",
    ):
        page.goto(path)
        expect_for_everybody(page)
    page.goto("/login")
    Credentials(page).submit("nobody", "Sign in")
    expect(page.locator("main").get_by_role("alert")).to_be_visible()
    expect_for_everybody(page, "sign-in refused")
    page.goto("/nothing-here")
    expect_for_everybody(page)
    watch.forgive("answered 40", "status of 40")


@needs_axe
def test_the_player_is_for_everybody(page: Page, shelf: Shelf) -> None:
    LibraryPage(page).open(f"?owner={shelf.username}")
    LibraryPage(page).play(RIGHT_TO_LEFT)
    Player(page).play_on()
    Player(page).expect_playing(RIGHT_TO_LEFT)
    Player(page).bar.locator("details.menu summary").click()
    expect_for_everybody(page, "playing, with a menu")
    page.context.set_offline(True)
    expect(page.locator("#connection")).to_contain_text("offline")
    expect_for_everybody(page, "offline")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_empty()


def _expect_the_start_page_for_everybody(page: Page) -> None:
    start = StartPage(page)
    page.get_by_text("Advanced").click()
    expect_for_everybody(page, "jobs of each kind")
    page.locator("#duration").evaluate("field => field.removeAttribute('max')")
    start.duration.fill("999")
    start.generate.click()
    expect(page.locator("#duration-error")).to_be_visible()
    expect_for_everybody(page, "refused")
    page.goto("/queue")
    expect_for_everybody(page)


@needs_axe
def test_the_start_page_and_the_account_in_each_state(
    page: Page, server: ThrowawayServer, watch: Watch
) -> None:
    Credentials(page).register("ada-states")
    expect_for_everybody(page, "nothing made yet")
    start = StartPage(page)
    card = start.ask(LONG, duration=2)
    card.expect_finished()
    card.locator.get_by_text("Spectrogram and details").click()
    with paused(server.address):
        cancelled = start.ask("sea that waits", duration=2)
        cancelled.button("Cancel").click()
        cancelled.expect_text("Cancelled")
        start.ask("another sea that waits", duration=2)
        _expect_the_start_page_for_everybody(page)
    watch.forgive("answered 400", "status of 400")
    page.goto("/account")
    page.get_by_label("Label").fill(LONG[:60])
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Your new token.")).to_be_visible()
    page.get_by_text("Delete this account").click()
    expect_for_everybody(page, "account, with a new token")


@needs_axe
def test_the_library_in_each_state(somebody: Page, shelf: Shelf) -> None:
    page = somebody
    for path in shelf.paths:
        page.goto(path)
        expect_for_everybody(page)
    library, sound = LibraryPage(page), SoundPage(page)
    library.open("?view=mine")
    library.choose(RIGHT_TO_LEFT)
    library.open_menu(RIGHT_TO_LEFT)
    expect_for_everybody(page, "chosen, with a menu")
    sound.open(shelf.private)
    sound.delete()
    expect(sound.dialog).to_be_visible()
    expect_for_everybody(page, "asked")


@needs_axe
def test_the_question_that_is_a_page(open_page: OpenPage, shelf: Shelf) -> None:
    page = open_page(java_script_enabled=False)
    Credentials(page).sign_in(shelf.username)
    SoundPage(page).open(shelf.private)
    SoundPage(page).delete()
    expect(page.get_by_role("heading", name="Delete this sound?")).to_be_visible()
    question = page.content()
    scripted = open_page()
    scripted.goto("/login")
    scripted.evaluate("html => { document.open(); document.write(html); document.close(); }", question)
    scripted.wait_for_function("() => document.readyState === 'complete'")
    expect_for_everybody(scripted, "asked by a page")


def test_nothing_runs_off_the_side(somebody: Page, shelf: Shelf) -> None:
    StartPage(somebody).ask("something that waits", duration=2)
    LibraryPage(somebody).open(f"?owner={shelf.username}")
    LibraryPage(somebody).play(RIGHT_TO_LEFT)
    expect(Player(somebody).bar).to_be_visible()
    expect_to_fit(somebody, "/", "/queue", "/account", "/docs", *shelf.paths)
    bar = Player(somebody).bar.bounding_box()
    assert bar is not None
    assert bar["x"] + bar["width"] <= 1920


def test_what_is_tapped_is_large_enough(open_page: OpenPage, shelf: Shelf) -> None:
    """24 px each way at least (WCAG 2.5.8); links in running text are free."""
    page = open_page(viewport={"width": 390, "height": 844})
    Credentials(page).sign_in(shelf.username)
    for path in ("/", *shelf.paths):
        page.goto(path)
        small = page.locator("a[class], button, summary, select, input:not([type=hidden], .visually-hidden)")
        sizes = small.evaluate_all(
            "all => all.map(one => [one.outerHTML.slice(0, 120), one.getBoundingClientRect()])"
            ".filter(([, box]) => box.width && Math.min(box.width, box.height) < 24).map(([html]) => html)"
        )
        # A box to tick is as large as the label around it.
        alone = [html for html in sizes if not re.search("type=.(checkbox|radio)", html)]
        assert alone == [], path
