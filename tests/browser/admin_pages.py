"""The queue as people watch and steer it, and the pages for admins."""

import re
from urllib.parse import parse_qs, urlsplit

import httpx
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PASSWORD, WAIT_S, Credentials
from tools.throwaway_server import ThrowawayServer

ADMIN = "root"


def make_admin(server: ThrowawayServer) -> None:
    """Use up the set-up link of a server."""
    token = parse_qs(urlsplit(server.setup_link).query)["token"][0]
    fields = {"token": token, "username": ADMIN, "password": PASSWORD}
    assert httpx.post(f"{server.address}/setup", data=fields, timeout=WAIT_S).status_code == 303


def sign_in_admin(page: Page) -> None:
    """As the admin whom `make_admin` made."""
    Credentials(page).sign_in(ADMIN)


class Explorer:
    """The queue's page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.rows = page.locator("tr.queue-row")
        self.empty = page.get_by_text("The queue is empty.")
        self.paused = page.get_by_text("The queue is paused.")
        self.toasts = page.locator("#toasts")
        self.dialog = page.locator("#confirm")
        self.chosen = page.locator("[data-selection-count]")

    def open(self, query: str = "") -> "Explorer":
        self.page.goto(f"/queue{query}")
        expect(self.page.locator("#live")).to_have_attribute("data-connection", "open")
        return self

    def row(self, text: str) -> Locator:
        return self.rows.filter(has_text=text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def pause(self) -> None:
        self.press("Pause queue")
        expect(self.paused).to_be_visible()

    def resume(self) -> None:
        self.press("Resume queue")
        expect(self.paused).to_have_count(0)

    def act(self, text: str, name: str) -> None:
        """Press a button in the line of a job."""
        self.row(text).get_by_role("button", name=name, exact=True).click()

    def choose(self, text: str) -> None:
        self.row(text).get_by_role("checkbox").check()

    def bulk(self, name: str) -> None:
        """Press a button for the chosen jobs."""
        bar = self.page.get_by_role("group", name="With the chosen jobs")
        bar.get_by_role("button", name=name, exact=True).click()

    def confirm(self, verb: str | re.Pattern[str]) -> None:
        self.dialog.get_by_role("button", name=verb, exact=True).click()

    def expect_said(self, text: str) -> None:
        expect(self.toasts).to_contain_text(text)

    def keep_undo(self) -> None:
        """Go to what undoes the last step, so that it does not vanish."""
        self.toasts.get_by_role("button", name="Undo").last.focus()

    def undo(self) -> None:
        self.toasts.get_by_role("button", name="Undo").last.click()

    def expect_order(self, *texts: str) -> None:
        """The lines, from the first on, hold these texts and there are no others."""
        expect(self.rows).to_contain_text(list(texts))
        expect(self.rows).to_have_count(len(texts))
