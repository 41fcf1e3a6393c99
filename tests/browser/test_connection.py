"""A server that goes away and comes back."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Credentials, StartPage
from tools.throwaway_server import throwaway_server

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
