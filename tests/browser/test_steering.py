"""Several people and an admin at one queue, in real browsers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.admin_pages import ADMIN, Explorer, make_admin, sign_in_admin
from tests.browser.pages import Credentials, OpenPage, StartPage, violations
from tools.throwaway_server import ThrowawayServer, throwaway_server

AXE = Path(__file__).resolve().parents[2] / "build/test-assets/axe.min.js"
ADMIN_PAGES = ("/admin", f"/admin/accounts/{ADMIN}", "/admin/models", "/admin/sounds", "/admin/record")
LONG = "averyveryverylongwordwithoutanyspaces" * 6 + " بيانو بطيء 🌧️ " + "more words " * 30
PHONE = ViewportSize(width=390, height=844)

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="make setup fetches axe")


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
        explorer.confirm("Cancel them")
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
    newcomer(open_page, "cyd", "one", "two", "three")
    admin.choose("one")
    admin.choose("three")
    expect(admin.chosen).to_have_text("2 jobs")
    admin.bulk("Cancel")
    admin.confirm("Cancel them")
    admin.expect_said("2 jobs cancelled.")
    admin.expect_order("two")
    admin.undo()
    admin.expect_order("one", "two", "three")
    admin.page.get_by_label("All on this page").check()
    expect(admin.chosen).to_have_text("3 jobs")
    admin.press("Choose none")
    expect(admin.page.get_by_role("group", name="With the chosen jobs")).to_be_hidden()


def test_filters_are_in_the_address_and_live(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "dan", "of dan")
    eve = newcomer(open_page, "eve", "of eve")
    admin.page.get_by_role("searchbox", name="Owner").fill("eve")
    admin.press("Find")
    admin.expect_order("of eve")
    assert "owner=eve" in admin.page.url
    StartPage(eve).ask("another of eve", duration=2)
    admin.expect_order("of eve", "another of eve")
    admin.page.reload()
    admin.expect_order("of eve", "another of eve")
    admin.act("another of eve", "Cancel")
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
    owner = admin.page.get_by_role("searchbox", name="Owner")
    owner.press_sequentially("fa")
    StartPage(page).ask("second of fay", duration=2)
    admin.expect_order("first of fay", "second of fay")
    owner.press_sequentially("y")
    expect(owner).to_be_focused()
    expect(owner).to_have_value("fay")
    expect(admin.row("first of fay").get_by_role("checkbox")).to_be_checked()
    expect(admin.chosen).to_have_text("1 job")


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
    expect(page.get_by_text("Aura changed.")).to_be_visible()
    gus.goto("/account")
    expect(gus.locator("main")).to_contain_text("a present")
    page.get_by_role("button", name="Disable").click()
    admin.confirm("Disable")
    expect(page.get_by_text("Account disabled")).to_be_visible()
    gus.goto("/account")
    expect(gus.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_role("link", name="Record").click()
    expect(page.locator(".audit li").first).to_contain_text("root disable gus")
    expect(page.locator(".audit li").nth(1)).to_contain_text("root grant Aura gus")


def test_a_worker_is_drained_and_a_model_kept(admin: Explorer) -> None:
    admin.page.get_by_role("button", name="Drain worker 1").click()
    expect(admin.page.locator("#workers")).to_contain_text("Draining: takes no more jobs")
    admin.page.get_by_role("button", name="Take jobs again with worker 1").click()
    expect(admin.page.locator("#workers")).not_to_contain_text("Draining")
    models = admin.page.locator("#queue-models li").first
    models.get_by_role("button", name="Keep loaded").click()
    expect(models).to_contain_text("Kept loaded")
    models.get_by_role("button", name="Let go").click()
    expect(models.get_by_role("button", name="Keep loaded")).to_be_visible()


def test_on_a_phone_and_by_keyboard(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "hal", LONG[:400], "short of hal")
    page = admin.page
    page.set_viewport_size(PHONE)
    admin.row("short of hal").get_by_role("button", name="To front").focus()
    page.keyboard.press("Enter")
    expect(admin.rows.first).to_contain_text("short of hal")
    admin.row("short of hal").get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    expect(admin.chosen).to_have_text("1 job")
    for path in ("/queue", *ADMIN_PAGES, "/admin/settings"):
        for width in (320, 390, 768):
            page.set_viewport_size(ViewportSize(width=width, height=800))
            page.goto(path)
            expect(page.locator("h1")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") <= width, (path, width)


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
    page.get_by_role("link", name="Cancel").click()
    expect(page.get_by_role("button", name="Make admin")).to_be_visible()


@needs_axe
def test_accessibility_in_every_state(admin: Explorer, open_page: OpenPage) -> None:
    newcomer(open_page, "jim", LONG, "short of jim")
    page = admin.page
    admin.act("short of jim", "To front")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        admin.open()
        admin.choose("short of jim")
        page.get_by_text("As a table").click()
        assert violations(page, AXE) == [], f"queue, {scheme}"
        for path in ("/queue?state=failed", "/queue?state=processing", *ADMIN_PAGES, "/admin/settings"):
            page.goto(path)
            assert violations(page, AXE) == [], f"{path}, {scheme}"
