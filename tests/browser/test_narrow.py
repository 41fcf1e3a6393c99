"""At 320 px no word is broken: what does not fit wraps between words."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.admin_pages import sign_in_admin
from tests.browser.broken_words import broken_words
from tests.browser.pages import Credentials, OpenPage, StartPage
from tests.browser.sounds import Musician, musician, paused
from tools.throwaway_server import ThrowawayServer

pytestmark = pytest.mark.slow

NARROW = ViewportSize(width=320, height=700)
LONG_NAME = "averyverylongusernameof32letters"
OPEN_ALL = (
    "() => document.querySelectorAll('main details:not(.menu)').forEach((part) => { part.open = true; })"
)


@dataclass(frozen=True)
class Made:
    """What somebody with a long name has made."""

    by: Musician
    sound: str
    playlist: str


@pytest.fixture(scope="module")
def made(server: ThrowawayServer) -> Iterator[Made]:
    with musician(server.address, LONG_NAME) as by:
        sound = by.make("slow piano over heavy rain with thunderstorms", duration=2, tags=["rainstorms"])
        playlist = by.api.post("/api/playlists", json={"name": "Evenings", "is_shared": True}).json()["id"]
        assert by.api.post(f"/api/playlists/{playlist}/tracks", json={"id": sound}).is_success
        yield Made(by, sound, playlist)


def expect_whole_words(page: Page, *paths: str) -> None:
    """Open every part of each of these pages and read it."""
    for path in paths:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        page.evaluate(OPEN_ALL)
        assert broken_words(page) == [], path
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], path


def test_a_broken_word_is_found(open_page: OpenPage) -> None:
    page = open_page(viewport=NARROW)
    page.goto("/login")
    page.evaluate(
        "() => { document.querySelector('h1').style.cssText = 'width: 1ch; word-break: break-all'; }"
    )
    assert broken_words(page) != []


def test_for_strangers(open_page: OpenPage, made: Made) -> None:
    shared = (f"/sounds/{made.sound}", f"/playlists/{made.playlist}")
    places = ("/", "/login", "/register", "/library", "/library?q=nothing", "/speech", "/queue", "/docs")
    expect_whole_words(open_page(viewport=NARROW), *places, *shared)


def test_for_those_who_are_signed_in(open_page: OpenPage, made: Made, server: ThrowawayServer) -> None:
    page = open_page(viewport=NARROW)
    Credentials(page).sign_in(LONG_NAME)
    with paused(server.address):
        page.get_by_role("radio", name="2", exact=True).check()
        StartPage(page).prompt.fill("waves")
        StartPage(page).generate.click()
        expect(page.locator(".take.queued")).to_have_count(2)
        own = (f"/sounds/{made.sound}", f"/playlists/{made.playlist}", "/account", "/playlists")
        lists = ("/library?view=mine", "/library?view=mine&layout=rows", "/library?view=favorites")
        expect_whole_words(page, "/", "/queue", "/speech", *lists, *own)


def test_own_jobs_among_others_show_their_prompts(
    open_page: OpenPage, made: Made, server: ThrowawayServer
) -> None:
    page = open_page(viewport=NARROW)
    Credentials(page).register("own-among-others")
    with paused(server.address):
        assert made.by.api.post("/generate", json={"prompt": "wind", "duration": 2}).is_success
        page.get_by_role("radio", name="2", exact=True).check()
        StartPage(page).prompt.fill("slow piano and rain")
        StartPage(page).generate.click()
        expect(page.locator(".take.queued")).to_have_count(2)
        page.goto("/queue")
        own = page.locator(".own-jobs .own-prompt")
        expect(own).to_have_text(["slow piano and rain"] * 2)
        assert own.evaluate_all("all => all.filter((one) => one.scrollWidth > one.clientWidth).length") == 0


def test_for_admins(open_page: OpenPage, made: Made, server: ThrowawayServer) -> None:
    page = open_page(viewport=NARROW)
    sign_in_admin(page)
    with paused(server.address):
        for prompt in ("waves", "wind"):
            assert made.by.api.post("/generate", json={"prompt": prompt, "duration": 30}).is_success
        parts = ("models", "voices", "sounds", "record", "settings", "checklist", f"accounts/{LONG_NAME}")
        below = [f"/admin/{part}" for part in parts]
        expect_whole_words(page, "/queue", "/queue?state=failed", "/admin", *below)
