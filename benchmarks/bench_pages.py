"""Measures the first view of each page: bytes, time to the first contentful paint, layout shift.

Run it as ``make bench-pages``. A server of its own on loopback, Chromium, nothing cached; every figure is the
median of ``--runs``. ``--admin`` pages are those of a server's first account.
"""

import argparse
import statistics
import sys
from collections.abc import Iterator

from playwright.sync_api import Browser, BrowserContext, expect, sync_playwright

from benchmarks.report import keep, machine
from tools.browser import find_browser
from tools.page_figures import PUBLIC_PAGES, SIGNED_IN_PAGES, PageFigures, first_view
from tools.throwaway_server import ThrowawayServer, throwaway_server

ADMIN_PAGES = ("/admin",)
PASSWORD = "correct horse battery"  # noqa: S105 - of an account that lives for a minute


def admin_context(browser: Browser, server: ThrowawayServer) -> BrowserContext:
    """The server's first account, with some finished sounds."""
    context = browser.new_context(base_url=server.address)
    page = context.new_page()
    page.goto(server.setup_link)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    for number in range(3):
        page.get_by_label("Prompt").fill(f"slow piano over heavy rain, {number}")
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".job audio")).to_have_count(number + 1, timeout=60_000)
    page.close()
    return context


def medians(views: list[PageFigures]) -> dict[str, object]:
    return {
        "requests": views[0].requests,
        "kilobytes": round(statistics.median(view.transferred_bytes for view in views) / 1000, 1),
        "first_paint_ms": round(statistics.median(view.first_paint_ms for view in views)),
        "layout_shift": round(max(view.layout_shift for view in views), 4),
    }


def measure(browser: Browser, runs: int) -> Iterator[tuple[str, dict[str, object]]]:
    with throwaway_server() as server:
        admin = admin_context(browser, server)
        stranger = browser.new_context(base_url=server.address)
        for who, context, paths in (
            ("stranger", stranger, PUBLIC_PAGES),
            ("signed in", admin, (*SIGNED_IN_PAGES, *ADMIN_PAGES)),
        ):
            for path in paths:
                first_view(context, path)  # templates are compiled on first use
                yield f"{path} ({who})", medians([first_view(context, path) for _ in range(runs)])


def main() -> int:
    arguments = argparse.ArgumentParser(description="Measure the first view of each page.")
    arguments.add_argument("--runs", type=int, default=5)
    runs = arguments.parse_args().runs
    executable = find_browser()
    if executable is None:
        print("No Chromium or Chrome was found.", file=sys.stderr)
        return 1
    where = machine()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        pages = {}
        for name, figures in measure(browser, runs):
            pages[name] = figures
            print(f"{name:32}", *(f"{key}={value}" for key, value in figures.items()))
        where["chromium"] = browser.version
        browser.close()
    keep("pages", where, {"pages": pages, "runs": runs})
    return 0


if __name__ == "__main__":
    sys.exit(main())
