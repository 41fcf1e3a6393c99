"""Answers that arrive later than what came after them do not take the page back."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import APIResponse, Page, Request, Route, expect

from tests.browser.library_pages import LibraryPage
from tests.browser.pages import Credentials, StartPage, wait_for
from tests.browser.sounds import Musician, musician
from tools.throwaway_server import ThrowawayServer

NUMBERS = itertools.count(1)
# Sets a flag once the page is done with one request, whatever others it makes meanwhile.
NOTE_DEALT_WITH = """([method, url]) => {
    window.isDealtWith = false;
    const note = ({ detail: { ctx: { request } } }) => {
        if (request.method !== method || new URL(request.action, location.href).href !== url) return;
        window.isDealtWith = true;
        document.removeEventListener("htmx:finally:request", note);
    };
    document.addEventListener("htmx:finally:request", note);
}"""


@pytest.fixture
def ada(server: ThrowawayServer) -> Iterator[Musician]:
    """Somebody with two published sounds; each time somebody else."""
    with musician(server.address, f"ada-late-{next(NUMBERS)}") as made:
        made.make("copper drum")
        made.make("tin whistle")
        yield made


class Held:
    """Answers that the page has not got yet."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._answers: list[tuple[Route, APIResponse | None]] = []

    def take(self, route: Route) -> None:
        """What changes something is done at once, and only its answer waits."""
        is_change = route.request.method == "POST"
        self._answers.append((route, route.fetch() if is_change else None))

    def release(self) -> None:
        """Let the page have them, and wait until it has dealt with them."""
        wait_for(self._page, lambda: self._answers)
        for route, answer in self._answers:
            self._page.evaluate(NOTE_DEALT_WITH, [route.request.method, route.request.url])
            route.fulfill(response=answer or route.fetch())
            self._page.wait_for_function("() => window.isDealtWith")


@contextmanager
def held(page: Page, address: str, method: str = "GET") -> Iterator[Held]:
    """Hold back the first answer from an address."""
    answers, taken = Held(page), list[Request]()

    def handle(route: Route, request: Request) -> None:
        if request.method != method or taken:
            route.continue_()
            return
        taken.append(request)
        answers.take(route)

    page.route(address, handle)
    yield answers
    answers.release()
    page.unroute(address)


@pytest.mark.parametrize("late", ["first", "last"])
def test_the_last_link_that_was_followed_counts(page: Page, server: ThrowawayServer, late: str) -> None:
    page.goto("/")
    late_page, soon_page = ("**/library", "**/queue") if late == "first" else ("**/queue", "**/library")
    with held(page, late_page), held(page, soon_page):
        for place in ("Library", "Queue"):
            with page.expect_request(f"**/{place.lower()}"):
                page.get_by_role("link", name=place, exact=True).click()
    expect(page).to_have_title("Queue · Soundloom")
    expect(page.get_by_role("heading", name="Queue", level=1)).to_be_visible()
    expect(page).to_have_url(f"{server.address}/queue")


def test_the_answer_to_a_form_does_not_take_back_what_the_stream_has_told(page: Page) -> None:
    Credentials(page).register("late-one")
    start = StartPage(page)
    start.prompt.fill("a bell")
    start.duration.fill("2")
    with held(page, "**/", "POST"):
        start.generate.click()
        card = start.newest()
        card.expect_finished()
    card.expect_finished()
    expect(start.cards).to_have_count(1)


def test_a_search_is_not_undone_by_what_the_list_had_asked_for_before(page: Page, ada: Musician) -> None:
    library = LibraryPage(page)
    library.open(f"?owner={ada.username}")
    expect(library.sounds).to_have_count(2)
    with held(page, "**/library?owner=*"):
        page.evaluate("document.body.dispatchEvent(new CustomEvent('live-again'))")
        library.search.fill("whistle")
        expect(library.sounds).to_have_count(1)
    expect(library.sounds).to_have_count(1)
    expect(library.sound("tin whistle")).to_be_visible()


def test_an_open_menu_stays_whole_while_its_list_is_renewed(page: Page, ada: Musician) -> None:
    library = LibraryPage(page)
    library.open(f"?owner={ada.username}")
    menu = library.open_menu("copper drum")
    with page.expect_response("**/library?owner=*"):
        ada.make("a third thing")
    expect(library.sounds).to_have_count(3)
    expect(menu.get_by_role("button", name="Copy link")).to_be_visible()


def test_what_is_deleted_from_its_menu_goes_although_the_menu_is_asked_for_meanwhile(page: Page) -> None:
    Credentials(page).register("deleting-one")
    card = StartPage(page).ask("a bell", duration=2)
    card.expect_finished()
    card.locator.get_by_label("More for").click()
    with page.expect_response("**/sounds/*/menu"):
        card.button("Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(card.audio).to_have_count(0)


def test_a_form_that_is_sent_twice_in_haste_is_done_once(page: Page) -> None:
    Credentials(page).register("hasty-one")
    page.goto("/account")
    page.get_by_label("Label").fill("my program")
    with held(page, "**/account/tokens", "POST"):
        page.get_by_role("button", name="Create").dblclick()
    expect(page.get_by_text("Your new token.")).to_be_visible()
    page.goto("/account")
    expect(page.get_by_role("button", name="Revoke my program")).to_have_count(1)
