"""A server that goes away and comes back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Credentials, StartPage
from tests.browser.sounds import musician
from tools.throwaway_server import ThrowawayServer, throwaway_server

LOST = "Connection lost, trying again"


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
        expect(start.banner).to_be_empty(timeout=20_000)
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
        expect(page.get_by_role("link", name="far bells")).to_be_visible(timeout=20_000)
        expect(banner).to_be_empty(timeout=20_000)
