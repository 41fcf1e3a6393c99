"""A real server and a real Chromium.

A page that logs an error, breaks its policy or misses a file fails its test.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.admin_pages import make_admin
from tests.browser.pages import WAIT_S, OpenContext, OpenPage, Watch
from tools.browser import find_browser
from tools.throwaway_server import ThrowawayServer, throwaway_server

WAIT_MS = 1000 * WAIT_S
LOG_CHARACTERS = 4_000
# How long every answer takes to arrive, in ms: with some hundreds, a test that does not wait for it fails.
LATENCY_MS = int(os.environ.get("BROWSER_LATENCY_MS", "0"))
expect.set_options(timeout=WAIT_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="package")
def server() -> Iterator[ThrowawayServer]:
    """One server for all tests, with an admin; each test makes accounts of its own."""
    # Other sites may show its sounds and use its API: see test_embed.py.
    with throwaway_server(
        free_hourly="1000",
        free_at_once="100",
        register_per_address="1000",
        embedding="true",
        cors_origins="*",
    ) as running:
        make_admin(running)
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
            args=[
                "--no-sandbox",
                "--autoplay-policy=no-user-gesture-required",
                "--mute-audio",
                "--use-fake-device-for-media-stream",
            ],
        )
        yield browser
        browser.close()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def open_context(chromium: Browser, server: ThrowawayServer, watch: Watch) -> Iterator[OpenContext]:
    """Browsers, each of another person; options as of a Playwright browser context."""
    contexts: list[BrowserContext] = []

    def open_one(**options: object) -> BrowserContext:
        context = chromium.new_context(**{"base_url": server.address, **options})  # type: ignore[arg-type]  # as given
        context.set_default_timeout(WAIT_MS)
        context.on("page", watch.over)
        if LATENCY_MS:
            context.on("page", _slow_down)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()
    # Where a server has failed, its log says why.
    assert watch.faults == [], server.log_file.read_text(encoding="utf-8")[-LOG_CHARACTERS:]


def _slow_down(page: Page) -> None:
    page.context.new_cdp_session(page).send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": LATENCY_MS, "downloadThroughput": -1, "uploadThroughput": -1},
    )


@pytest.fixture
def open_page(open_context: OpenContext) -> OpenPage:
    """Windows, each in a browser of its own."""

    def open_one(**options: object) -> Page:
        return open_context(**options).new_page()

    return open_one


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    return open_page()
