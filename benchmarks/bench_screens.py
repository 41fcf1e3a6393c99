"""Measures how soon a change made in one browser is on another one's screen, over a real server.

Run it as ``make bench-screens``. An admin moves the last of 50 waiting jobs to the front
and back; a stranger and a second account watch in browsers of their own. A delay runs from
the click until the watcher's page has changed, on the one clock that all pages of a machine share.
"""

import argparse
import json
import statistics

from playwright.sync_api import Page, sync_playwright

from benchmarks.report import keep, machine
from tests.browser.admin_pages import Explorer, make_admin, sign_in_admin
from tests.browser.pages import Credentials
from tools.browser import find_browser
from tools.throwaway_server import throwaway_server

WAITING = 50
# Notes when another job is first in line, and when somebody last clicked.
NOTE_CHANGES = """() => {
    window.changes = [];
    const now = () => performance.timeOrigin + performance.now();
    const look = () => {
        const first = document.querySelector("tr.queue-row")?.id;
        if (first !== window.first) window.changes.push(now());
        window.first = first;
    };
    look();
    window.changes = [];
    new MutationObserver(look).observe(document.body, {subtree: true, childList: true, attributes: true});
    document.addEventListener("click", () => { window.clicked = now(); }, true);
}"""


def fill(page: Page) -> None:
    """Ask for sounds as fast as the form takes them."""
    for _ in range(WAITING):
        answer = page.request.post(
            "/", form={"prompt": "rain", "duration": "2"}, headers={"sec-fetch-site": "same-origin"}
        )
        assert answer.ok


def measure(admin: Explorer, watchers: dict[str, Page], rounds: int) -> dict[str, list[float]]:
    """The delays of every change for each watcher, in ms."""
    delays: dict[str, list[float]] = {name: [] for name in watchers}
    buttons = ("To front", "Move back")
    for number in range(rounds):
        for page in watchers.values():
            page.evaluate("window.changes = []")
        name = buttons[number % 2]
        row = admin.rows.last if name == "To front" else admin.rows.first
        row.get_by_role("button", name=name, exact=True).click()
        for watcher, page in watchers.items():
            page.wait_for_function("() => window.changes.length > 0", polling=5)
            changed = page.evaluate("window.changes[0]")
            delays[watcher].append(changed - admin.page.evaluate("window.clicked"))
        admin.page.wait_for_timeout(150)
    return delays


def figures(delays: list[float]) -> dict[str, float]:
    return {
        "changes": len(delays),
        "p50_ms": round(statistics.median(delays)),
        "p95_ms": round(statistics.quantiles(delays, n=20)[-1]),
        "slowest_ms": round(max(delays)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure from a click in one browser to the other's screen.")
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    where = machine()
    with throwaway_server(free_hourly="1000", free_at_once="100") as server, sync_playwright() as playwright:
        make_admin(server)
        browser = playwright.chromium.launch(executable_path=find_browser(), args=["--no-sandbox"])
        pages = [browser.new_context(base_url=server.address).new_page() for _ in range(3)]
        sign_in_admin(pages[0])
        Credentials(pages[1]).register("watcher")
        admin = Explorer(pages[0]).open()
        admin.pause()
        fill(pages[1])
        watchers = {"stranger": pages[2], "signed in": pages[1]}
        for page in (*watchers.values(), admin.page):
            Explorer(page).open()
            page.evaluate(NOTE_CHANGES)
        delays = measure(admin, watchers, rounds)
        browser.close()
    told = {name: figures(values) for name, values in delays.items()}
    print(json.dumps(told, indent=1))
    print(keep("screens", where, {"waiting": WAITING, "watchers": told}))


if __name__ == "__main__":
    main()
