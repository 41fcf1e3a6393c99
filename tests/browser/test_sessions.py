"""What was typed belongs to one account, and is there again once an expired session is renewed."""

from playwright.sync_api import Page, expect

from tests.browser.pages import PASSWORD, Credentials, OpenContext, OpenPage, StartPage, Watch
from tools.throwaway_server import throwaway_server

NOTICE = "Your session has ended."


def test_an_expired_session_says_so_and_gives_back_what_was_typed(page: Page) -> None:
    Credentials(page).register("typed-before")
    for path, field, button in (
        ("/account", "Label", "Create"),
        ("/playlists", "New playlist", "Create"),
        ("/", "Prompt", "Generate"),
    ):
        page.goto(path)
        page.get_by_label(field).fill("typed before")
        page.context.clear_cookies()
        page.get_by_role("button", name=button, exact=True).click()
        Credentials(page).submit("typed-before", "Sign in")
        page.wait_for_url(path)
        expect(page.get_by_label(field)).to_have_value("typed before")
        page.reload()
    expect(page.get_by_label("Prompt")).to_have_value("typed before")


def test_a_session_that_was_ended_elsewhere_is_told(page: Page, open_page: OpenPage, watch: Watch) -> None:
    Credentials(page).register("two-places")
    page.goto("/playlists")
    page.get_by_label("New playlist").fill("Night drive")
    other = open_page()
    Credentials(other).sign_in("two-places")
    other.goto("/account")
    other.get_by_role("button", name="End all others").click()
    expect(other.get_by_text("All other sessions ended.")).to_be_visible()
    page.get_by_role("button", name="Create", exact=True).click()
    expect(page.get_by_text(NOTICE)).to_be_visible()
    Credentials(page).submit("two-places", "Sign in", "a wrong password")
    expect(page.get_by_text("Wrong username or password")).to_be_visible()
    Credentials(page).submit("two-places", "Sign in")
    expect(page.get_by_label("New playlist")).to_have_value("Night drive")
    watch.forgive("401")


def test_setting_up_shows_no_draft_of_another_account(open_context: OpenContext, watch: Watch) -> None:
    with throwaway_server(workers="0") as fresh:
        page = open_context(base_url=fresh.address).new_page()
        expect_notice(page)
        Credentials(page).register("first-one")
        page.get_by_label("Prompt").fill("nobody else's business")
        page.context.clear_cookies()
        page.goto(fresh.setup_link)
        Credentials(page).submit("root", "Create account", PASSWORD)
        start = StartPage(page)
        expect(start.generate).to_be_visible()
        expect(start.prompt).to_have_value("")
        assert page.evaluate("Object.values(localStorage).filter(kept => kept.includes('nobody'))") == []
        page.goto("about:blank")
    assert watch.faults == []


def expect_notice(page: Page) -> None:
    """Before set-up the start page leads to the set-up link."""
    page.goto("/")
    expect(page.get_by_role("heading", name="This server has no admin yet")).to_be_visible()
