"""The library against WCAG 2.2 AA in each state, light and dark; at every width; the weight of its pages."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.library_pages import LibraryPage, Player, SoundPage
from tests.browser.pages import Credentials, OpenPage, StartPage, violations
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer

AXE = Path(__file__).resolve().parents[2] / "build/test-assets/axe.min.js"
LONG = "averyveryverylongwordwithoutanyspaces" * 6 + " بيانو بطيء 🌧️ " + "more words " * 30
RIGHT_TO_LEFT = "بيانو بطيء تحت المطر الغزير 🌧️🎹"
WIDTHS = (320, 390, 768, 1280, 1920)
MAX_BYTES = 150_000
MAX_SHIFT = 0.05
# What the browser saw move without being asked to: the sum of its layout-shift entries.
SHIFT = """() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(
        list.getEntries().filter((entry) => !entry.hadRecentInput).reduce((sum, one) => sum + one.value, 0)
    )).observe({type: "layout-shift", buffered: true});
    setTimeout(() => resolve(0), 300);
})"""

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="make setup fetches axe")


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
        public = hal.make(RIGHT_TO_LEFT)
        playlist = hal.api.post("/api/playlists", json={"name": LONG[:100], "is_shared": True}).json()["id"]
        for sound_id in (private, public):
            assert hal.api.post(f"/api/playlists/{playlist}/tracks", json={"id": sound_id}).is_success
        yield Shelf("hal-shelf", private, public, playlist)


def signed_in(page: Page, shelf: Shelf) -> Page:
    Credentials(page).sign_in(shelf.username)
    expect(StartPage(page).generate).to_be_visible()
    return page


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_for_everybody(open_page: OpenPage, shelf: Shelf, scheme: str) -> None:
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    LibraryPage(page).open(f"?owner={shelf.username}")
    LibraryPage(page).play(RIGHT_TO_LEFT)
    expect(Player(page).button("Pause")).to_be_visible()
    Player(page).bar.locator("details.menu summary").click()
    assert violations(page, AXE) == []
    for path in (f"/sounds/{shelf.public}", f"/playlists/{shelf.playlist}", "/library?q=nothing+like+this"):
        page.goto(path)
        assert violations(page, AXE) == [], path


@needs_axe
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_for_somebody(open_page: OpenPage, shelf: Shelf, scheme: str) -> None:
    page = signed_in(open_page(color_scheme=scheme, reduced_motion="reduce"), shelf)
    for path in shelf.paths:
        page.goto(path)
        assert violations(page, AXE) == [], path
    library = LibraryPage(page)
    library.open("?view=mine")
    library.choose(RIGHT_TO_LEFT)
    library.open_menu(RIGHT_TO_LEFT)
    assert violations(page, AXE) == [], "chosen, with a menu"
    SoundPage(page).open(shelf.private)
    SoundPage(page).delete()
    expect(SoundPage(page).dialog).to_be_visible()
    assert violations(page, AXE) == [], "asked"


@needs_axe
def test_without_script_one_is_asked_by_a_page(open_page: OpenPage, shelf: Shelf) -> None:
    page = signed_in(open_page(java_script_enabled=False), shelf)
    SoundPage(page).open(shelf.private)
    SoundPage(page).delete()
    question = page.content()
    scripted = open_page()
    scripted.goto("/login")
    scripted.evaluate("html => { document.open(); document.write(html); document.close(); }", question)
    assert violations(scripted, AXE) == []


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_runs_off_the_side(open_page: OpenPage, shelf: Shelf, width: int) -> None:
    page = signed_in(open_page(viewport={"width": width, "height": 800}), shelf)
    LibraryPage(page).open(f"?owner={shelf.username}")
    LibraryPage(page).play(RIGHT_TO_LEFT)
    expect(Player(page).bar).to_be_visible()
    for path in shelf.paths:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        box = Player(page).bar.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= width


def test_pages_are_light_and_stand_still(open_page: OpenPage, shelf: Shelf) -> None:
    page = signed_in(open_page(viewport={"width": 1280, "height": 800}), shelf)
    for path in ("/", "/queue", *shelf.paths):
        # A window of its own, in which nothing is kept from the pages before.
        fresh = page.context.new_page()
        wire = page.context.new_cdp_session(fresh)
        wire.send("Network.enable")
        wire.send("Network.setCacheDisabled", {"cacheDisabled": True})
        received: list[float] = []
        wire.on(
            "Network.loadingFinished", lambda event, sizes=received: sizes.append(event["encodedDataLength"])
        )
        fresh.goto(path)
        shift = fresh.evaluate(SHIFT)
        fresh.close()
        assert sum(received) <= MAX_BYTES, path
        assert shift < MAX_SHIFT, path
