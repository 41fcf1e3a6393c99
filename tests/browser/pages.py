"""The pages as people use them: every selector of the browser tests is here."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, ConsoleMessage, Locator, Page, Request, Response, expect

PASSWORD = "correct horse battery"
OpenPage = Callable[..., Page]
OpenContext = Callable[..., BrowserContext]
# A busy machine is slow, and a page that is right in the end is right.
WAIT_S = 30
GENERATED_MS = 60_000

# A page that is left takes its stream and its downloads with it.
LEFT_BEHIND = "net::ERR_ABORTED"
PLAY_ON = "audio => { audio.loop = true; return audio.play(); }"


class Watch:
    """Notes everything that goes wrong in a page."""

    def __init__(self) -> None:
        self.faults: list[str] = []

    def over(self, page: Page) -> None:
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error in a script: {error}"))
        page.on("requestfailed", self._failed)
        page.on("response", self._answered)

    def forgive(self, *kinds: str) -> None:
        """Forget what was meant to go wrong: faults that hold one of these texts."""
        self.faults = [fault for fault in self.faults if not any(kind in fault for kind in kinds)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"{message.type}: {message.text}")

    def _failed(self, request: Request) -> None:
        if request.failure != LEFT_BEHIND:
            self.faults.append(f"{request.url} failed: {request.failure}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.url} answered {response.status}")


class Credentials:
    """A form with a username and a password: register, sign in, set-up."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def submit(self, username: str, button: str, password: str = PASSWORD) -> None:
        self._page.get_by_label("Username").fill(username)
        self._page.get_by_label("Password").fill(password)
        self._page.get_by_role("button", name=button).click()

    def register(self, username: str) -> None:
        """Arrive on the start page as somebody new, without the form."""
        self._send("/register", username)

    def sign_in(self, username: str) -> None:
        """Arrive on the start page, signed in, without the form."""
        self._send("/login", username)

    def register_by_form(self, username: str) -> None:
        self._fill_in("/register", username, "Create account")

    def sign_in_by_form(self, username: str) -> None:
        self._fill_in("/login", username, "Sign in")

    def _send(self, path: str, username: str) -> None:
        """What the form would send; the session's cookie is the browser's."""
        answer = self._page.request.post(
            path,
            form={"username": username, "password": PASSWORD},
            headers={"sec-fetch-site": "same-origin"},
            max_redirects=0,
        )
        assert answer.status == 303, answer.text()
        self._page.goto("/")
        self._expect_the_start_page()

    def _fill_in(self, path: str, username: str, button: str) -> None:
        self._page.goto(path)
        self.submit(username, button)
        self._expect_the_start_page()

    def _expect_the_start_page(self) -> None:
        expect(self._page.get_by_role("button", name="Generate")).to_be_visible()

    def sign_out(self) -> None:
        self._page.get_by_role("button", name="Sign out").click()
        expect(self._page.get_by_role("link", name="Sign in").first).to_be_visible()


class Card:
    """One job on the start page."""

    def __init__(self, locator: Locator) -> None:
        self.locator = locator

    @property
    def audio(self) -> Locator:
        return self.locator.locator("audio")

    def button(self, name: str) -> Locator:
        return self.locator.get_by_role("button", name=name, exact=True)

    def expect_finished(self) -> None:
        expect(self.audio).to_have_count(1, timeout=GENERATED_MS)

    def expect_text(self, text: str) -> None:
        expect(self.locator).to_contain_text(text)

    def play(self) -> None:
        """Start the player, which does not stop by itself, and wait until time passes in it."""
        self.audio.evaluate(PLAY_ON)
        self.expect_time_to_pass()

    def expect_time_to_pass(self) -> None:
        self.locator.page.wait_for_function(
            "audio => audio.currentTime > 0.2", arg=self.audio.element_handle()
        )

    def audio_property(self, name: str) -> Any:  # noqa: ANN401 - whatever the browser says
        return self.audio.evaluate(f"audio => audio.{name}")


class StartPage:
    """Where sounds are asked for."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.prompt = page.get_by_label("Prompt")
        self.duration = page.get_by_label("Duration")
        self.generate = page.get_by_role("button", name="Generate")
        self.quote = page.locator("#quote")
        self.banner = page.locator("#connection")
        self.cards = page.locator(".job")

    def open(self) -> None:
        self._page.goto("/")

    def ask(self, prompt: str, duration: float | None = None) -> Card:
        """Submit a job; gives the card that appears for it."""
        before = self.cards.count()
        self.prompt.fill(prompt)
        if duration is not None:
            self.duration.fill(str(duration))
        self.generate.click()
        expect(self.cards).to_have_count(before + 1)
        # The card may come before the answer, and until the answer another click is taken for a slip.
        expect(self._page.locator("#compose.htmx-request")).to_have_count(0)
        return self.newest()

    def newest(self) -> Card:
        """The card on top, by its id: it stays the same one when others come."""
        return Card(self._page.locator(f"#{self.cards.first.get_attribute('id')}"))

    def mark(self) -> None:
        """Leave a mark that a reload would wipe out."""
        self._page.evaluate("window.mark = true")

    def expect_mark(self) -> None:
        assert self._page.evaluate("window.mark") is True, "the page was loaded again"


class QueuePage:
    """The public queue."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.rows = page.locator("tr.queue-row")
        self.empty = page.get_by_text("The queue is empty.")

    def open(self) -> None:
        self._page.goto("/queue")


def wait_for(page: Page, condition: Callable[[], object]) -> None:
    """Wait for something that the events of a page bring about here."""
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until, "it did not happen"
        page.evaluate("() => new Promise(requestAnimationFrame)")


def violations(page: Page, axe: Path, rules: Sequence[str]) -> list[str]:
    """What axe finds against these rules or groups of rules, one line each."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: rules})", list(rules))
    return [
        f"{violation['id']}: {node['html'][:160]} ({node['failureSummary'][:300]})"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
