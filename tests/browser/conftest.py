"""A real server and a real Chromium.

A page that logs an error, breaks its policy or misses a file fails its test.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.pages import OpenPage, Watch
from tools.browser import find_browser
from tools.throwaway_server import ThrowawayServer, throwaway_server

WAIT_MS = 10_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def server() -> Iterator[ThrowawayServer]:
    """One server for all tests; each makes accounts of its own."""
    with throwaway_server(free_hourly="1000", free_at_once="100", register_per_address="1000") as running:
        yield running


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser; package-wide, because its own event loop would be in the way of asynchronous tests."""
    executable = find_browser()
    if executable is None:
        pytest.skip("no Chromium or Chrome was found; python -m tools.browser --explain tells how to get one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable,
            args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--mute-audio"],
        )
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_page(chromium: Browser, server: ThrowawayServer, watch: Watch) -> Iterator[OpenPage]:
    """Opens windows, each of another person; options as of a Playwright browser context."""
    contexts = []

    def open_one(**options: object) -> Page:
        context = chromium.new_context(**{"base_url": server.address, **options})  # type: ignore[arg-type]  # as given
        context.set_default_timeout(WAIT_MS)
        contexts.append(context)
        page = context.new_page()
        watch.over(page)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert watch.faults == []


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()
