"""What is told of one's jobs elsewhere: the tab's title, notifications, time left; and how one ends a job."""

import re

from playwright.sync_api import Page, expect

from tests.browser.admin_pages import ADMIN
from tests.browser.pages import GENERATED_MS, Credentials, OpenContext, QueuePage, StartPage
from tests.browser.sounds import paused
from tools.throwaway_server import ThrowawayServer

# As if another tab were in front, and with every notification kept.
HIDE = """() => {
    Object.defineProperty(document, "hidden", {configurable: true, get: () => window.isHidden});
    window.isHidden = true;
    window.told = [];
    window.Notification = class extends EventTarget {
        static permission = "granted";
        constructor(title, {body, tag}) { super(); window.told.push([title, body, tag]); }
    };
    document.dispatchEvent(new Event("visibilitychange"));
}"""
SHOW = """() => {
    window.isHidden = false;
    document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_the_title_and_a_notification_tell_how_a_job_is(page: Page, server: ThrowawayServer) -> None:
    Credentials(page).register("title-news")
    start = StartPage(page)
    with paused(server.address):
        card = start.ask("slow piano", duration=30)
        expect(page).to_have_title("Waiting · Create · Soundloom")
        page.evaluate(HIDE)
    running = re.compile(r"^\d+% · Create · Soundloom$")
    expect(page).to_have_title(running, timeout=GENERATED_MS)
    expect(page).to_have_title("Done · Create · Soundloom", timeout=GENERATED_MS)
    job = card.locator.get_attribute("id")
    assert page.evaluate("window.told") == [["Finished", "slow piano", job]]
    page.evaluate(SHOW)
    card.expect_finished()
    expect(page).to_have_title("Create · Soundloom")
    page.get_by_role("link", name="Library").click()
    expect(page).to_have_title("Library · Soundloom")


def test_notifications_are_offered_while_something_is_to_be_told(
    open_context: OpenContext, server: ThrowawayServer
) -> None:
    page = open_context().new_page()
    page.add_init_script(
        "Object.defineProperty(Notification, 'permission', {get: () => window.given ?? 'default'});"
        "Notification.requestPermission = async () => { window.given = 'granted'; };"
    )
    Credentials(page).register("notify-offer")
    offer = page.get_by_role("button", name="Notify me when done")
    expect(offer).to_be_hidden()
    with paused(server.address):
        StartPage(page).ask("rain", duration=2)
        offer.click()
        expect(offer).to_be_hidden()


def test_one_stops_ones_own_running_job(page: Page) -> None:
    # As the admin, whose clips may be long enough to be stopped on any machine.
    Credentials(page).sign_in(ADMIN)
    start = StartPage(page)
    card = start.ask("slow piano over heavy rain", duration=180)
    card.button("Stop").click(timeout=GENERATED_MS)
    page.get_by_role("dialog").get_by_role("button", name="Stop job").click()
    card.expect_text("Cancelled")
    next_one = start.ask("rain", duration=1)
    next_one.expect_finished()


def test_the_same_seed_is_edited_first(page: Page) -> None:
    Credentials(page).register("editor")
    start = StartPage(page)
    page.get_by_label("Seamless loop").check()
    card = start.ask("waves", duration=2)
    card.expect_finished()
    page.get_by_label("Seamless loop").uncheck()
    start.prompt.fill("")
    card.locator.get_by_role("link", name="Edit and run").click()
    expect(start.prompt).to_have_value("waves")
    expect(start.duration).to_have_value("2")
    expect(page.get_by_label("Seamless loop")).to_be_checked()
    expect(page.get_by_role("button", name=re.compile(r"Remove Seed \d+"))).to_be_visible()


def test_own_jobs_stand_on_top_as_well_and_columns_stay(
    page: Page, open_context: OpenContext, server: ThrowawayServer
) -> None:
    other = open_context().new_page()
    Credentials(other).register("queue-other")
    Credentials(page).register("queue-own")
    widths = "() => [...document.querySelectorAll('.queue th')].map((th) => th.getBoundingClientRect().width)"
    with paused(server.address):
        StartPage(other).ask("theirs", duration=2)
        StartPage(page).ask("a walk by the sea", duration=2)
        QueuePage(page).open()
        own = page.get_by_role("region", name="Your jobs")
        expect(own).to_contain_text("a walk by the sea")
        before = page.evaluate(widths)
        own.get_by_role("link", name="Place 2").click()
        row = page.locator("tr.queue-row.own")
        expect(row).to_be_in_viewport()
        expect(row).to_contain_text("After 1 job of the same tier. From")
        waiting = page.locator("#queue-counts dd").nth(1).inner_text()
        expect(page.locator("#depth-desc")).to_contain_text(f"; {waiting} now")
        row.get_by_role("button", name="Cancel").click()
        expect(own).to_be_hidden()
        assert page.evaluate(widths) == before


def test_a_theme_is_chosen_and_kept(open_context: OpenContext) -> None:
    context = open_context(color_scheme="light")
    page = context.new_page()
    ground = "() => getComputedStyle(document.body).backgroundColor"
    page.goto("/login")
    light = page.evaluate(ground)
    other = context.new_page()
    other.goto("/queue")
    page.get_by_label("Theme").select_option("Dark")
    dark = page.evaluate(ground)
    assert dark != light
    other.wait_for_function(f"dark => ({ground})() === dark", arg=dark)
    page.get_by_role("link", name="Library").click()
    expect(page.get_by_label("Theme")).to_have_value("dark")
    page.reload()
    assert page.evaluate(ground) == dark
    page.get_by_label("Theme").select_option("System")
    assert page.evaluate(ground) == light
