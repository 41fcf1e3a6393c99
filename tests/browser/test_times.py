"""People read times by their own clock, wherever they are; without script, by one that is named."""

import re

from playwright.sync_api import Page, expect

from tests.browser.admin_pages import sign_in_admin
from tests.browser.pages import OpenPage, StartPage
from tests.browser.sounds import paused
from tools.throwaway_server import ThrowawayServer

# Half an hour off every whole zone.
ZONE = "Asia/Kolkata"
PAGES = (
    "/",
    "/queue",
    "/library",
    "/account",
    "/admin",
    "/admin/record",
    "/admin/accounts/root",
    "/playlists",
)
TIMES = """zone => [...document.querySelectorAll("time[datetime]")].map((time) => ({
    shown: time.textContent, title: time.title, ...time.dataset,
    here: new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone })
        .format(new Date(time.dateTime)),
}))"""
OPEN_ALL = """() => document.querySelectorAll("main details").forEach((part) => {
    part.open = true;
})"""
ADD_TIME = """() => {
    const time = document.createElement("time");
    time.dateTime = new Date(Date.now() + 90_000).toISOString();
    time.dataset.until = "";
    document.querySelector("main").append(time);
}"""


def test_every_time_is_the_readers_own(open_page: OpenPage, server: ThrowawayServer) -> None:
    page = open_page(timezone_id=ZONE)
    sign_in_admin(page)
    seen = set()
    with paused(server.address):
        for _ in range(2):
            StartPage(page).ask("rain", duration=2)
        for path in PAGES:
            page.goto(path)
            page.evaluate(OPEN_ALL)
            expect(page.locator("main")).not_to_contain_text("UTC")
            for time in page.evaluate(TIMES, ZONE):
                kind = next(kind for kind in ("ago", "until", "clock", "exact") if kind in time)
                exact = time["shown"] if kind == "exact" else time["title"]
                assert re.search(rf", {time['here']}:\d\d GMT\+5:30$", exact), (path, time)
                assert kind != "clock" or time["shown"] == time["here"], (path, time)
                seen.add(kind)
    assert {"ago", "clock", "exact"} <= seen


def test_without_script_the_zone_is_named(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/queue")
    page.get_by_text("As a table").click()
    expect(page.locator(".chart-table time").first).to_have_text(re.compile(r"^\d\d:\d\d UTC$"))


def test_a_start_counts_down(page: Page) -> None:
    page.goto("/login")
    page.evaluate(ADD_TIME)
    time = page.locator("main time")
    expect(time).to_have_text(re.compile("^in [12] min$"))
    time.evaluate("time => { time.dateTime = new Date(Date.now() + 3_000).toISOString(); }")
    expect(time).to_have_text("in 2 s")
    expect(time).to_have_text("now")
