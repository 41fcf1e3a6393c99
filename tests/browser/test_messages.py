"""Messages stay with what they are about: their page, or the one page that an action leads to."""

import re

from playwright.sync_api import Page, expect

from tests.browser.admin_pages import Explorer, sign_in_admin
from tests.browser.library_pages import LibraryPage, SoundPage
from tests.browser.pages import Card, Credentials, OpenPage, StartPage
from tests.browser.sounds import musician, paused
from tools.throwaway_server import ThrowawayServer


def go(page: Page, name: str) -> None:
    """Follow a link of the header, and wait until the page is there."""
    page.get_by_role("navigation", name="Main").get_by_role("link", name=name, exact=True).click()
    current = page.get_by_role("navigation", name="Main").locator("[aria-current]")
    expect(current).to_have_text(name)


def test_a_cancelled_job_is_run_again_with_one_click(page: Page, server: ThrowawayServer) -> None:
    Credentials(page).register("runs-again")
    toasts = page.locator("#toasts")
    with paused(server.address):
        StartPage(page).ask("sea", duration=2).button("Cancel").click()
        toasts.get_by_role("button", name="Run again").click()
        expect(page.locator(".job")).to_have_count(2)
        expect(page.locator(".job.queued")).to_have_count(1)
        expect(toasts).to_have_text(re.compile(r"^\s*In line, place \d+ View\s*$"))
        queue = Explorer(page).open()
        queue.act("sea", "Cancel")
        expect(queue.rows.filter(has_text="sea")).to_have_count(0)
        toasts.get_by_role("button", name="Run again").click()
        expect(queue.rows.filter(has_text="sea")).to_have_count(1)
        toasts.get_by_role("link", name="View").click()
        expect(page.locator("tr.queue-row:target")).to_contain_text("sea")


def test_a_message_stays_with_its_page(page: Page, open_page: OpenPage, server: ThrowawayServer) -> None:
    sign_in_admin(page)
    other = open_page()
    Credentials(other).register("waits-long")
    toasts = page.locator("#toasts > *")
    with paused(server.address):
        StartPage(other).ask("slow wind", duration=2)
        queue = Explorer(page).open()
        queue.act("slow wind", "To front")
        queue.keep_undo()
        # What can be undone is undone from another filter of the same page as well.
        page.get_by_role("navigation", name="State").get_by_role("link", name="Waiting").click()
        expect(page).to_have_url(re.compile("state=queued"))
        expect(toasts).to_contain_text("Job moved to the front.")
        go(page, "Library")
        expect(toasts).to_have_count(0)
        go(page, "Queue")
        expect(toasts).to_have_count(0)


def test_what_leads_to_another_page_says_there_what_was_done(page: Page, server: ThrowawayServer) -> None:
    with musician(server.address, "deletes-one") as by:
        sound = by.make("short-lived rain", duration=1)
    Credentials(page).sign_in("deletes-one")
    toasts = page.locator("#toasts > *")
    SoundPage(page).open(sound)
    SoundPage(page).delete()
    page.get_by_role("dialog").get_by_role("button", name="Delete sound").click()
    expect(page).to_have_url(re.compile("view=mine"))
    expect(toasts).to_have_text(["Sound deleted"])
    go(page, "Speech")
    expect(toasts).to_have_count(0)


def test_sounds_are_saved_under_their_names(page: Page) -> None:
    Credentials(page).register("saves-sounds")
    card: Card = StartPage(page).ask("rain on a tin roof", duration=1)
    card.expect_finished()
    with page.expect_download() as private:
        card.locator.get_by_role("link", name="FLAC").click()
    assert re.fullmatch(r"rain on a tin roof [0-9a-f]{8}\.flac", private.value.suggested_filename)
    LibraryPage(page).open("?view=mine")
    for title in ("rain on a tin roof",):
        menu = LibraryPage(page).open_menu(title)
        with page.expect_download() as listed:
            menu.get_by_role("link", name="MP3").click()
        assert re.fullmatch(rf"{title} [0-9a-f]{{8}}\.mp3", listed.value.suggested_filename)
        LibraryPage(page).play(title)
    bar = page.get_by_role("region", name="Player")
    bar.locator("details.menu summary").click()
    with page.expect_download() as played:
        bar.get_by_role("link", name="OGG").click()
    assert re.fullmatch(r"rain on a tin roof [0-9a-f]{8}\.ogg", played.value.suggested_filename)
