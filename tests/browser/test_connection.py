"""The one stream of an open page, and a server that goes away and comes back."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from tests.browser.pages import Credentials, OpenPage, StartPage, wait_for
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer, throwaway_server

LOST = "Connection lost, trying again"
# The longest pause between two tries is 19.5 s, and that all is well again is said for another 2.5 s.
BACK_MS = 40_000


class OpenStreams:
    """The event streams that a page has open now."""

    def __init__(self, page: Page) -> None:
        self._open: list[str] = []
        page.on("request", self._began)
        for ending in ("requestfinished", "requestfailed"):
            page.on(ending, self._ended)

    def expect(self, page: Page, *views: str) -> None:
        """These views are followed, and nothing else."""
        page.wait_for_function("() => document.getElementById('live')?.dataset.connection === 'open'")
        # The end of a stream that was left is told a little later.
        wait_for(page, lambda: self._are(views))

    def _are(self, views: Sequence[str]) -> bool:
        return len(self._open) == len(views) and all(
            f"view={view}" in url for view, url in zip(views, self._open, strict=True)
        )

    def _began(self, request: Request) -> None:
        if "/events?" in request.url:
            self._open.append(request.url)

    def _ended(self, request: Request) -> None:
        if request.url in self._open:
            self._open.remove(request.url)


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Unwatched: here things are meant to fail."""
    context = chromium.new_context()
    yield context.new_page()
    context.close()


def test_a_lost_connection_is_said_and_comes_back_by_itself(page: Page, tmp_path: Path) -> None:
    start = StartPage(page)
    with throwaway_server(folder=tmp_path) as server:
        page.goto(f"{server.address}/register")
        Credentials(page).submit("ann", "Create account")
        expect(start.generate).to_be_visible()
        start.mark()
        expect(page.locator("#live")).to_have_attribute("data-connection", "open")
        expect(start.banner).to_be_empty()
        port = urlsplit(server.address).port
    expect(start.banner).to_have_text(LOST)
    with throwaway_server(port=port or 0, folder=tmp_path):
        expect(start.banner).to_be_empty(timeout=BACK_MS)
        start.ask("rain", duration=2).expect_finished()
        start.expect_mark()


def test_being_offline_is_said_and_what_was_missed_is_shown(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "ivy-off") as ivy:
        page.goto(f"{server.address}/library?owner=ivy-off")
        expect(page.locator("#live")).to_have_attribute("data-connection", "open")
        banner = page.locator("#connection")
        page.context.set_offline(True)
        expect(banner).to_contain_text("You are offline")
        ivy.make("far bells")
        page.context.set_offline(False)
        expect(page.get_by_role("link", name="far bells", exact=True)).to_be_visible(timeout=BACK_MS)
        expect(banner).to_be_empty(timeout=BACK_MS)


def test_each_open_page_follows_one_stream(open_page: OpenPage) -> None:
    page = open_page()
    streams = OpenStreams(page)
    Credentials(page).register("one-stream")
    for link, view in (
        ("Queue", "queue"),
        ("Library", "library"),
        ("Queue", "queue"),
        ("Create", "generate"),
    ):
        page.get_by_role("navigation", name="Main").get_by_role("link", name=link, exact=True).click()
        page.wait_for_function(
            "view => document.getElementById('live')?.dataset.connection === 'open'"
            " && document.getElementById('live').getAttribute('hx-sse:connect').includes(`view=${view}`)",
            arg=view,
        )
        streams.expect(page, view)


def test_a_failure_is_said_once_and_reading_is_nothing_to_repeat(page: Page, server: ThrowawayServer) -> None:
    page.goto(f"{server.address}/register")
    Credentials(page).submit("ned-away", "Create account")
    start = StartPage(page)
    expect(page.locator("#live")).to_have_attribute("data-connection", "open")
    toasts = page.locator("#toasts > *")
    page.route("**/quote*", lambda route: route.abort())
    for seconds in ("5", "6"):
        with page.expect_event("requestfailed"):
            start.duration.fill(seconds)
    expect(toasts).to_have_text(["The server did not answer. What you see may be out of date."])
    page.route(re.compile(r"/(library)?$"), lambda route: route.abort())
    start.prompt.fill("rain")
    start.generate.click()
    expect(page.get_by_text("Check whether it was done before you try again.")).to_be_visible()
    page.get_by_role("link", name="Library", exact=True).click()
    expect(page.get_by_text("The server did not answer, so the page did not open.")).to_be_visible()
