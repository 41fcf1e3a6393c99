"""Take pictures of the queue, the pages for admins and the API page, empty and full.

    python -m tools.screenshots_admin [folder]

starts a server of its own on a throw-away data folder and writes PNG files to `folder` (default:
build/screenshots). An hour of history, progress and downloads are written into its database, so that no
picture has to wait for them.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools.backstage import Backstage
from tools.browser import find_browser
from tools.camera import Photographer
from tools.throwaway_server import ThrowawayServer, throwaway_server

PASSWORD: Final = "correct horse battery"  # noqa: S105 - of accounts that live for a minute
# Whose jobs there are: name, tier, model, length in seconds.
PEOPLE: Final = (
    ("ada", "creator", "music", 120.0),
    ("bartholomew-the-third.of-wessex", "premium", "audio", 8.0),
    ("qamar", "free", "music", 30.0),
    ("dana", "supporter", "magnet", 12.5),
    ("emil", "free", "music", 10.0),
)
PROMPTS: Final = (
    "slow piano over heavy rain",
    "بيانو بطيء تحت المطر الغزير 🌧️🎹 مع صوت الريح في الأشجار",
    "🥁🔥 128 BPM techno with a deep kick 👩‍🎤",
    "averyveryverylongwordwithoutanyspaces" * 6 + " and then " + "some more words about the sea " * 20,
    "a door creaks in an empty house",
    "warm pads, tape hiss, and a distant choir that never quite arrives",
)
JOBS: Final = 100
# A busy machine is slow.
WAIT_MS: Final = 60_000


def publish(page: Page, prompts: Sequence[str]) -> None:
    """Sounds of somebody who is signed in, for everybody to see."""
    for prompt in prompts:
        page.get_by_label("Prompt").fill(prompt)
        page.get_by_label("Duration").fill("3")
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".job").filter(has_text=prompt[:20])).to_have_count(1)
    expect(page.locator(".job audio")).to_have_count(len(prompts))
    page.goto("/library?view=mine")
    page.get_by_label("All on this page").check()
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("#toasts")).to_contain_text("published")


def fill_queue(page: Page, jobs: int) -> None:
    """Each person's jobs, in turn, through the API."""
    tokens = {}
    for name, *_ in PEOPLE:
        answer = page.request.post("/api/auth/token", data={"username": name, "password": PASSWORD})
        tokens[name] = answer.json()["token"]
    for number in range(jobs):
        name, _, model, duration = PEOPLE[number % len(PEOPLE)]
        answer = page.request.post(
            "/generate",
            data={"prompt": PROMPTS[number % len(PROMPTS)], "duration": duration, "model": model},
            headers={"Authorization": f"Bearer {tokens[name]}"},
        )
        assert answer.ok, answer.text()  # noqa: S101 - a broken picture helps nobody


def sign_in(page: Page, address: str, username: str, button: str) -> None:
    page.goto(address)
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("button", name="Generate")).to_be_visible()


def photograph(browser: Browser, server: ThrowawayServer, folder: Path, camera: Photographer) -> None:
    """First what is empty, then the queue with one job and with a hundred, then the other pages."""
    backstage = Backstage(folder)
    stranger, admin, ada = (browser.new_page(base_url=server.address) for _ in range(3))
    stranger.goto("/queue")
    camera.take(stranger, "queue-0")
    sign_in(admin, server.setup_link, "root", "Create account")
    for path in ("/admin/record", "/admin/sounds", "/queue"):
        admin.goto(path)
        if path == "/queue":
            expect(admin.locator("#workers")).to_contain_text("Ready")
        camera.take(admin, f"{path.strip('/').replace('/', '-')}-admin-0")
    for name, tier, *_ in PEOPLE:
        answer = admin.request.post("/api/auth/register", data={"username": name, "password": PASSWORD})
        assert answer.ok, answer.text()  # noqa: S101 - a broken picture helps nobody
        backstage.write("UPDATE account SET tier = ? WHERE username = ?", tier, name)
    sign_in(ada, "/login", "ada", "Sign in")
    photograph_queue(stranger, ada, admin, backstage, camera)
    backstage.give_downloads()
    photograph_administration(admin, camera)
    stranger.goto("/docs")
    camera.take(stranger, "docs")
    admin.goto("/docs")
    admin.get_by_role("button", name="Make one").click()
    admin.get_by_label("Python", exact=True).check()
    camera.take(admin, "docs-token")


def photograph_queue(
    stranger: Page, ada: Page, admin: Page, backstage: Backstage, camera: Photographer
) -> None:
    """The queue as a stranger, an owner of jobs and an admin see it."""
    publish(ada, PROMPTS[:4])
    admin.goto("/queue")
    admin.get_by_role("button", name="Pause queue").click()
    fill_queue(admin, 1)
    expect(admin.locator("tr.queue-row")).to_have_count(1)
    camera.take(admin, "queue-admin-1")
    backstage.give_history(PROMPTS)
    fill_queue(admin, JOBS - 1)
    backstage.age()
    for page, who in ((stranger, "stranger"), (ada, "owner"), (admin, "admin")):
        page.goto("/queue")
        camera.take(page, f"queue-{who}-100")
    photograph_steering(admin, camera)


def photograph_steering(admin: Page, camera: Photographer) -> None:
    """Take pictures of an admin's actions on jobs."""
    admin.goto("/queue?tier=free")
    rows = admin.locator("tr.queue-row")
    for place in (1, 2, 4):
        rows.nth(place).get_by_role("checkbox").check()
    camera.take(admin, "queue-admin-chosen")
    bar = admin.get_by_role("group", name="With the chosen jobs")
    bar.get_by_role("button", name="Cancel", exact=True).click()
    expect(admin.locator("#confirm")).to_be_visible()
    camera.take(admin, "queue-admin-confirm")
    admin.locator("#confirm").get_by_role("button", name="Cancel 3 jobs").click()
    expect(admin.locator("#toasts")).to_contain_text("cancelled")
    admin.locator("#toasts .toast").hover()
    camera.take(admin, "queue-admin-undo")
    admin.goto("/queue")
    admin.get_by_text("Model: all").click()
    camera.take(admin, "queue-admin-menu")
    for query in ("state=failed", "state=cancelled", "owner=nobody"):
        admin.goto(f"/queue?{query}")
        camera.take(admin, f"queue-admin-{query.replace('=', '-')}")


def photograph_administration(admin: Page, camera: Photographer) -> None:
    """The pages below /admin."""
    admin.goto("/admin/accounts/bartholomew-the-third.of-wessex")
    admin.get_by_label("Amount").fill("120")
    admin.get_by_label("Reason").fill("For the sounds of the exhibition, شكراً 🎹")
    admin.get_by_role("button", name="Grant Aura").click()
    expect(admin.get_by_text("Aura granted.")).to_be_visible()
    for path, name in (
        ("/admin", "accounts"),
        ("/admin/accounts/bartholomew-the-third.of-wessex", "account"),
        ("/admin/models", "models"),
        ("/admin/sounds", "sounds"),
        ("/admin/record", "record"),
        ("/admin/settings", "settings"),
    ):
        admin.goto(path)
        camera.take(admin, f"admin-{name}")


def main(arguments: list[str]) -> int:
    """Take all the pictures."""
    executable = find_browser()
    if executable is None:
        print("No Chromium or Chrome was found.", file=sys.stderr)
        return 1
    pictures = Path(arguments[0] if arguments else "build/screenshots")
    expect.set_options(timeout=WAIT_MS)
    with (
        tempfile.TemporaryDirectory() as temporary,
        throwaway_server(
            folder=Path(temporary),
            register_per_address="100",
            free_hourly="1000",
            free_at_once="100",
            supporter_at_once="100",
            premium_at_once="100",
            creator_at_once="100",
            supporter_hourly="1000",
            premium_hourly="1000",
            creator_hourly="1000",
            sign_in_per_account="1000",
            sign_in_per_address="1000",
        ) as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        photograph(browser, server, Path(temporary), Photographer(pictures))
        browser.close()
    print(f"Pictures are in {pictures}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
