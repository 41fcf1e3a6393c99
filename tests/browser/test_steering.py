"""Several people and an admin at one queue, in real browsers."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.admin_pages import ADMIN, Explorer, make_admin, sign_in_admin
from tests.browser.axe import LONG, expect_for_everybody, expect_to_fit, needs_axe
from tests.browser.keyboard import Keyboard
from tests.browser.pages import Credentials, OpenContext, OpenPage, StartPage
from tools.throwaway_server import ThrowawayServer, throwaway_server

pytestmark = pytest.mark.slow

ADMIN_PAGES = (
    "/admin",
    f"/admin/accounts/{ADMIN}",
    *(f"/admin/{part}" for part in ("models", "sounds", "record", "settings")),
)
PHONE = ViewportSize(width=390, height=844)
# Chromium without a window hides no tab by itself.
LOOK_AWAY = """isHidden => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => isHidden});
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[ThrowawayServer]:
    """A server of its own: what an admin pauses, everybody else would wait for."""
    with throwaway_server(free_hourly="1000", free_at_once="100", register_per_address="1000") as running:
        make_admin(running)
        yield running


@pytest.fixture
def admin(open_page: OpenPage) -> Iterator[Explorer]:
    """The admin, before a queue that is paused and empty; it is left so that the next one finds it."""
    page = open_page()
    sign_in_admin(page)
    explorer = Explorer(page).open()
    explorer.pause()
    yield explorer
    explorer.open()
    if explorer.rows.count():
        page.get_by_label("All on this page").check()
        explorer.bulk("Cancel")
        explorer.confirm(re.compile("Cancel [0-9]+ job"))
    expect(explorer.empty).to_be_visible()
    explorer.resume()


def newcomer(open_page: OpenPage, name: str, *prompts: str) -> Page:
    """Somebody new who has asked for sounds."""
    page = open_page()
    Credentials(page).register(name)
    for prompt in prompts:
        StartPage(page).ask(prompt, duration=2)
    return page


def test_two_people_and_a_stranger_watch_an_admin(admin: Explorer, open_page: OpenPage) -> None:
    ann = Explorer(newcomer(open_page, "ann", "rain of ann", "wind of ann")).open()
    bob = Explorer(newcomer(open_page, "bob", "sea of bob")).open()
    stranger = Explorer(open_page()).open()
    for watcher in (ann, bob, stranger):
        expect(watcher.rows).to_have_count(3)
        expect(watcher.paused).to_be_visible()
    for watcher in (bob, stranger):
        expect(watcher.page.locator("main")).not_to_contain_text("of ann")
    expect(stranger.page.locator("main")).not_to_contain_text("of bob")
    admin.expect_order("rain of ann", "wind of ann", "sea of bob")
    admin.act("sea of bob", "To front")
    admin.keep_undo()
    admin.expect_order("sea of bob", "rain of ann", "wind of ann")
    expect(stranger.rows.first).to_contain_text("Moved ahead by an admin")
    expect(bob.rows.first).to_contain_text("sea of bob")
    ann.act("wind of ann", "Cancel")
    for watcher in (admin, ann, bob, stranger):
        expect(watcher.rows).to_have_count(2)
    admin.undo()
    admin.expect_order("rain of ann", "sea of bob")
    admin.resume()
    for watcher in (admin, ann, bob, stranger):
        expect(watcher.empty).to_be_visible()
    admin.pause()


def test_several_at_once_with_undo(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "cyd", "drums", "flute", "violin")
    admin.choose("drums")
    admin.choose("violin")
    expect(admin.chosen).to_have_text("2 jobs")
    admin.bulk("Cancel")
    expect(admin.dialog.get_by_role("button")).to_have_text(["Keep 2 jobs", "Cancel 2 jobs"])
    admin.confirm("Keep 2 jobs")
    admin.expect_order("drums", "flute", "violin")
    admin.bulk("Cancel")
    admin.confirm("Cancel 2 jobs")
    admin.keep_undo()
    admin.expect_said("2 jobs cancelled.")
    admin.expect_order("flute")
    admin.undo()
    admin.expect_order("drums", "flute", "violin")
    admin.page.get_by_label("All on this page").check()
    expect(admin.chosen).to_have_text("3 jobs")
    admin.press("Clear")
    expect(admin.page.get_by_role("group", name="With the chosen jobs")).to_be_hidden()


def test_one_undo_is_in_sight_and_goes_once_it_is_used(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "una", "first of una", "second of una")
    undos = admin.toasts.get_by_role("button", name="Undo")
    admin.act("second of una", "To front")
    admin.expect_order("second of una", "first of una")
    admin.act("first of una", "Cancel")
    admin.expect_order("second of una")
    admin.keep_undo()
    admin.expect_said("Job cancelled.")
    expect(undos).to_have_count(1)
    admin.undo()
    admin.expect_said("Job put back in the queue.")
    expect(admin.toasts).not_to_contain_text("Job cancelled.")
    expect(undos).to_have_count(1)


def test_filters_are_in_the_address_and_live(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "dan", "of dan")
    eve = newcomer(open_page, "eve", "of eve")
    admin.page.get_by_role("searchbox", name="Owner").fill("eve")
    admin.press("Find")
    admin.expect_order("of eve")
    expect(admin.page).to_have_url(re.compile("owner=eve"))
    StartPage(eve).ask("another of eve", duration=2)
    admin.expect_order("of eve", "another of eve")
    admin.page.reload()
    admin.expect_order("of eve", "another of eve")
    admin.act("another of eve", "Cancel")
    admin.expect_order("of eve")
    admin.page.get_by_role("link", name="Cancelled", exact=True).click()
    admin.act("another of eve", "Put back")
    expect(admin.row("another of eve")).to_have_count(0)
    admin.page.get_by_role("link", name="Show all").first.click()
    admin.expect_order("of dan", "of eve", "another of eve")
    admin.page.go_back()
    expect(admin.page.get_by_role("link", name="Cancelled", exact=True)).to_have_attribute(
        "aria-current", "true"
    )


def test_what_one_has_chosen_and_typed_survives_what_others_do(admin: Explorer, open_page: OpenPage) -> None:
    page = newcomer(open_page, "fay", "first of fay")
    admin.choose("first of fay")
    admin.row("first of fay").locator(".queue-prompt").evaluate(
        "words => getSelection().selectAllChildren(words)"
    )
    admin.page.evaluate("scrollTo(0, 90)")
    StartPage(page).ask("second of fay", duration=2)
    admin.expect_order("first of fay", "second of fay")
    assert admin.page.evaluate("[scrollY, getSelection().toString()]") == [90, "first of fay"]
    owner = admin.page.get_by_role("searchbox", name="Owner")
    owner.press_sequentially("fa")
    StartPage(page).ask("third of fay", duration=2)
    admin.expect_order("first of fay", "second of fay", "third of fay")
    owner.press_sequentially("y")
    expect(owner).to_be_focused()
    expect(owner).to_have_value("fay")
    expect(admin.row("first of fay").get_by_role("checkbox")).to_be_checked()
    expect(admin.chosen).to_have_text("1 job")


def test_a_hidden_tab_follows_nothing_and_shows_the_present_when_it_is_looked_at(
    admin: Explorer, open_page: OpenPage
) -> None:
    with admin.page.expect_event("requestfailed", lambda request: "/events?" in request.url):
        admin.page.evaluate(LOOK_AWAY, True)
    newcomer(open_page, "gil", "while nobody looks")
    expect(admin.empty).to_be_visible()
    admin.page.evaluate(LOOK_AWAY, False)
    admin.expect_order("while nobody looks")
    expect(admin.page.locator("#connection")).to_be_empty()


def test_an_admin_moderates_and_manages_accounts(admin: Explorer, open_page: OpenPage) -> None:
    gus = newcomer(open_page, "gus")
    page = admin.page
    page.get_by_role("link", name="Admin", exact=True).click()
    page.get_by_role("searchbox", name="Name").fill("gus")
    page.get_by_role("button", name="Find").click()
    page.get_by_role("link", name="gus", exact=True).click()
    page.get_by_label("Amount").fill("12")
    page.get_by_label("Reason").fill("a present")
    page.get_by_role("button", name="Grant Aura").click()
    expect(page.get_by_text("Aura granted.")).to_be_visible()
    gus.goto("/account")
    expect(gus.locator("main")).to_contain_text("a present")
    page.get_by_role("button", name="Disable").click()
    admin.confirm("Disable account")
    expect(page.get_by_text("Account disabled")).to_be_visible()
    gus.goto("/account")
    expect(gus.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("link", name="Record").click()
    expect(page.locator(".audit li").first).to_contain_text("root disabled the account gus")
    expect(page.locator(".audit li").nth(1)).to_contain_text("root changed the Aura of gus")


def test_a_worker_is_drained_and_sketch_has_nothing_to_load(admin: Explorer) -> None:
    admin.page.get_by_role("button", name="Drain worker 1").click()
    expect(admin.page.locator("#workers")).to_contain_text("Draining: takes no more jobs")
    admin.page.get_by_role("button", name="Take jobs again with worker 1").click()
    expect(admin.page.locator("#workers")).not_to_contain_text("Draining")
    expect(admin.page.locator("#queue-models").get_by_role("button")).to_have_count(0)


def test_on_a_phone(admin: Explorer, open_context: OpenContext) -> None:
    page = open_context(viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    Credentials(page).register("hal")
    for prompt in (LONG[:400], "short of hal"):
        StartPage(page).ask(prompt, duration=2)
    page.get_by_role("navigation", name="Main").get_by_role("link", name="Queue", exact=True).tap()
    hal = Explorer(page)
    hal.row("short of hal").get_by_role("button", name="Cancel").tap()
    expect(hal.rows).to_have_count(1)
    admin.page.set_viewport_size(PHONE)
    admin.page.get_by_text("Model: all").click()
    admin.page.get_by_role("link", name="Music", exact=True).click()
    expect(admin.page.get_by_text("Model: Music")).to_be_visible()
    admin.expect_order(LONG[:30])
    admin.page.get_by_label("All on this page").check()
    admin.bulk("Cancel")
    admin.confirm("Cancel 1 job")
    expect(hal.empty).to_be_visible()
    expect_to_fit(admin.page, "/queue", *ADMIN_PAGES)


def test_by_keyboard_alone(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "kai", "one of kai", "two of kai")
    keys = Keyboard(admin.page)
    keys.press(admin.row("two of kai").get_by_role("button", name="To front"))
    admin.expect_order("two of kai", "one of kai")
    keys.press(admin.row("two of kai").get_by_role("button", name="Move back"))
    admin.expect_order("one of kai", "two of kai")
    keys.press(admin.row("one of kai").get_by_role("checkbox"), "Space")
    bar = admin.page.get_by_role("group", name="With the chosen jobs")
    keys.press(bar.get_by_role("button", name="Cancel", exact=True))
    keys.press(admin.page.locator("#confirm-yes"))
    admin.expect_order("two of kai")
    keys.press(admin.page.get_by_text("Tier: all"))
    keys.press(admin.page.get_by_role("link", name="Premium", exact=True))
    expect(admin.page.get_by_text("No matching jobs.")).to_be_visible()


def test_without_javascript(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "ida", "one of ida", "two of ida")
    page = open_page(java_script_enabled=False)
    sign_in_admin(page)
    page.goto("/queue?tier=free")
    plain = Explorer(page)
    plain.act("two of ida", "To front")
    plain.expect_order("two of ida", "one of ida")
    plain.choose("one of ida")
    plain.choose("two of ida")
    plain.bulk("Cancel")
    expect(plain.rows).to_have_count(0)
    page.goto("/admin/accounts/ida")
    page.get_by_role("button", name="Make admin").click()
    expect(page.get_by_role("heading", name="Make ida an admin?")).to_be_visible()
    page.get_by_role("link", name="Leave without admin rights").click()
    expect(page.get_by_role("button", name="Make admin")).to_be_visible()


@needs_axe
def test_each_state_is_for_everybody(admin: Explorer, open_page: OpenPage) -> None:
    jim = Explorer(newcomer(open_page, "jim", LONG, "short of jim"))
    page = admin.page
    expect_for_everybody(jim.open().page, "the queue as an owner sees it")
    admin.choose("short of jim")
    page.get_by_text("As a table").click()
    expect_for_everybody(page, "jobs chosen, the table open")
    admin.act("short of jim", "Cancel")
    admin.keep_undo()
    admin.expect_said("Job cancelled.")
    page.get_by_text("Model: all").click()
    expect_for_everybody(page, "Undo, a menu open")
    for path in ("/queue?state=cancelled", "/queue?state=failed", *ADMIN_PAGES):
        page.goto(path)
        expect_for_everybody(page, path)
