"""The first view of every page is light and stands still; how fast it is, `make bench-pages` measures."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext

from tests.browser.pages import Credentials, StartPage
from tools.page_figures import PUBLIC_PAGES, SIGNED_IN_PAGES, first_view
from tools.throwaway_server import ThrowawayServer

MAX_BYTES = 150_000
MAX_SHIFT = 0.05


@pytest.fixture(scope="module")
def signed_in(chromium: Browser, server: ThrowawayServer) -> Iterator[BrowserContext]:
    """Somebody with a finished sound."""
    context = chromium.new_context(base_url=server.address)
    page = context.new_page()
    Credentials(page).register("first-view")
    StartPage(page).ask("rain on a tin roof", duration=2).expect_finished()
    page.close()
    yield context
    context.close()


@pytest.fixture
def stranger(chromium: Browser, server: ThrowawayServer) -> Iterator[BrowserContext]:
    context = chromium.new_context(base_url=server.address)
    yield context
    context.close()


@pytest.mark.parametrize("path", PUBLIC_PAGES)
def test_for_strangers(stranger: BrowserContext, path: str) -> None:
    figures = first_view(stranger, path)
    assert figures.transferred_bytes <= MAX_BYTES
    assert figures.layout_shift < MAX_SHIFT


@pytest.mark.parametrize("path", SIGNED_IN_PAGES)
def test_for_those_who_are_signed_in(signed_in: BrowserContext, path: str) -> None:
    figures = first_view(signed_in, path)
    assert 5_000 < figures.transferred_bytes <= MAX_BYTES
    assert figures.layout_shift < MAX_SHIFT
