"""Take pictures of the pages, on a phone and on a wide screen, light and dark, to be looked at.

    python -m tools.screenshots [folder] [--only NAME]… [--readme]

starts a server of its own on a throw-away data folder, makes accounts and sounds, walks through the pages in
their states, and writes PNG files to `folder` (default: build/screenshots). With `--readme` it also writes
the small pictures of the README to docs/images.
"""

import argparse
import base64
import sys
from pathlib import Path
from typing import Final

import httpx
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tools.browser import find_browser
from tools.camera import SIZES, THEMES, Photographer
from tools.throwaway_server import ThrowawayServer, throwaway_server

PASSWORD: Final = "correct horse battery"  # noqa: S105 - of an account that lives for a minute
# A busy machine is slow.
WAIT_MS: Final = 60_000
README_FOLDER: Final = Path("docs/images")
README_PAGES: Final = {"desktop": "/", "phone": "/library"}
README_QUALITY: Final = 82
LONG: Final = "averyveryverylongwordwithoutanyspaces" * 6 + " and some more words about the sea" * 20
RIGHT_TO_LEFT: Final = "بيانو بطيء تحت المطر الغزير 🌧️🎹"
PROMPTS: Final = (
    "slow piano over heavy rain",
    "crackling fire, wind in the trees, a few birds",
    "128 BPM techno with a deep kick and bright hats",
    RIGHT_TO_LEFT,
    "🥁🔥 drum and bass 👩‍🎤",
    LONG,
)
SHOWN_SOUNDS: Final = (("slow piano", "sound"), ("averyvery", "sound-long"), ("بيانو", "sound-right-to-left"))
TAGS: Final = {"slow piano over heavy rain": ["calm", "rain", "piano"], RIGHT_TO_LEFT: ["هدوء", "مطر"]}


class Musician:
    """An account that makes sounds through the API."""

    def __init__(self, address: str, username: str) -> None:
        self._api = httpx.Client(base_url=address, timeout=60)
        credentials = {"username": username, "password": PASSWORD}
        token = self._api.post("/api/auth/token", json=credentials).raise_for_status().json()["token"]
        self._api.headers["authorization"] = f"Bearer {token}"

    def make(self, prompt: str, *, is_public: bool, tags: list[str], **fields: object) -> str:
        """A finished sound; gives its id."""
        body = {"prompt": prompt, "duration": 8, **fields}
        job = self._api.post("/generate", json=body).raise_for_status().json()
        # They end with the job, which may wait for long ones.
        self._api.get(f"/job/{job['job_id']}/events").raise_for_status()
        found = self._api.get(f"/job/{job['job_id']}").json()
        sound_id: str = found["generation_id"]
        change = {"is_public": is_public, "tags": tags}
        self._api.patch(f"/api/library/{sound_id}", json=change).raise_for_status()
        return sound_id

    def delete(self, sound_id: str) -> None:
        self._api.delete(f"/api/library/{sound_id}").raise_for_status()

    def fill_the_queue(self) -> None:
        """Ask for long sounds until no more are taken."""
        body = {"prompt": "wind and sea", "duration": 180, "model": "audio"}
        while self._api.post("/generate", json=body).is_success:
            pass


def photograph_strangers(page: Page, server: ThrowawayServer, camera: Photographer) -> None:
    """Take pictures of an empty installation without an account."""
    camera.visit(
        page,
        {
            "welcome-empty": "/",
            "register": "/register",
            "login": "/login",
            "not-found": "/nope",
            "library-empty": "/library",
            "setup": server.setup_link,
        },
    )
    page.goto("/login")
    page.get_by_label("Username").fill("nobody")
    page.get_by_label("Password").fill("a wrong password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()
    camera.take(page, "login-refused")


def sign_up(page: Page, server: ThrowawayServer) -> None:
    """Make the admin, as whom the rest is walked through."""
    page.goto(server.setup_link)
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("button", name="Generate")).to_be_visible()


def photograph_generate(page: Page, server: ThrowawayServer, camera: Photographer) -> None:
    """The start page: before the first sound, with some, and with a form that was refused."""
    camera.take(page, "generate-empty")
    ada = Musician(server.address, "ada")
    for prompt in reversed(PROMPTS):
        ada.make(prompt, is_public=prompt != LONG, tags=TAGS.get(prompt, []))
    page.goto("/")
    page.get_by_label("Prompt").fill("a music box in an empty hall, slowly running down")
    camera.take(page, "generate-done")
    page.locator(".job details.sound-details summary").first.click()
    page.locator(".job").first.get_by_label("More for").click()
    page.get_by_text("Advanced").click()
    camera.take(page, "generate-open")
    page.locator("#duration").evaluate("field => field.removeAttribute('max')")
    page.get_by_label("Duration").fill("999")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#duration-error")).to_be_visible()
    camera.take(page, "generate-refused")


def photograph_jobs(page: Page, camera: Photographer) -> None:
    """The start page with jobs of every kind, and without a connection."""
    page.goto("/")
    page.get_by_label("Duration").fill("180")
    page.get_by_role("radio", name="4", exact=True).check()
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".job progress")).to_have_count(1)
    page.locator(".job", has_text="Waiting").first.get_by_role("button", name="Cancel").click()
    expect(page.locator(".job.cancelled")).to_have_count(1)
    camera.take(page, "generate-busy")
    page.context.set_offline(True)
    expect(page.locator("#connection")).not_to_be_empty()
    camera.take(page, "generate-offline")
    page.context.set_offline(False)
    expect(page.locator("#connection")).to_be_empty(timeout=20_000)


def photograph_over_limit(browser: Browser, server: ThrowawayServer, camera: Photographer) -> None:
    """Somebody who has used up the hour."""
    page = browser.new_page(base_url=server.address)
    page.goto("/register")
    page.get_by_label("Username").fill("a.rather-long_name.of.32.letters")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.get_by_label("Prompt").fill("rain")
    page.get_by_label("Duration").fill("2")
    for number in range(1, 4):
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".job audio")).to_have_count(number)
    expect(page.locator("#quote")).to_contain_text("this hour")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator("#compose .notice.error")).to_be_visible()
    camera.take(page, "generate-over-limit")
    page.goto("/library?view=mine")
    camera.take(page, "library-mine")
    page.goto("/playlists")
    camera.take(page, "playlists-empty")
    page.close()


def photograph_library(page: Page, camera: Photographer) -> None:
    """The library with a page full and several chosen, and what one finds there."""
    page.goto("/library?view=mine")
    for box in page.locator("input[name='id']").all():
        box.check()
    camera.take(page, "library-chosen")
    camera.visit(page, {"library-nothing": "/library?q=nothing+like+this"})
    camera.visit(page, {"favourites-empty": "/library?view=favorites"})
    page.goto("/library")
    page.get_by_role("button", name="Add slow piano over heavy rain to your favourites").click()
    page.get_by_role("button", name="Vote for slow piano over heavy rain").click()
    page.get_by_role("button", name=f"Play {PROMPTS[0]}").click()
    expect(page.get_by_role("region", name="Player")).to_be_visible()
    camera.take(page, "library")
    page.get_by_label("More for slow piano").click()
    expect(page.get_by_role("button", name="Copy link")).to_be_visible()
    camera.take(page, "library-menu")
    page.get_by_role("link", name="Rows").click()
    page.wait_for_url("**layout=rows*")
    camera.take(page, "library-rows")


def photograph_sound(page: Page, camera: Photographer) -> None:
    """One sound, playlists, and a question before what cannot be taken back."""
    for title, name in SHOWN_SOUNDS:
        page.goto("/library?view=mine")
        page.locator(".sound-card-title a", has_text=title).click()
        expect(page.get_by_label("Name of a new playlist")).to_be_visible()
        # The first makes the playlist, which the others find chosen.
        if (title, name) == SHOWN_SOUNDS[0]:
            page.get_by_label("Name of a new playlist").fill("Quiet evenings")
        camera.take(page, name)
        page.get_by_role("button", name="Add to playlist").click()
        expect(page.locator("#toasts")).to_contain_text("Quiet evenings")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    camera.take(page, "sound-delete")
    page.get_by_role("dialog").get_by_role("button", name="Keep sound").click()
    camera.visit(page, {"playlists": "/playlists"})
    page.get_by_role("link", name="Quiet evenings").first.click()
    expect(page.locator("#playlist-tracks > li")).to_have_count(3)
    camera.take(page, "playlist")
    page.get_by_role("button", name="Close the player").click()


def photograph_account(page: Page, camera: Photographer) -> None:
    """The account, with a new token and the last way out open."""
    page.goto("/account")
    page.get_by_label("Label").fill("a program that asks for rain")
    page.get_by_role("button", name="Create").click()
    page.get_by_text("Delete this account").click()
    camera.take(page, "account")


def photograph_full(page: Page, server: ThrowawayServer, camera: Photographer) -> None:
    """More sounds than a page has room for, and as many jobs as an account may have waiting."""
    ada = Musician(server.address, "ada")
    for number in range(24):
        ada.make(f"wind and sea, take {number}", is_public=True, tags=[], duration=1)
    photograph_gone(page, ada, camera)
    ada.fill_the_queue()
    camera.visit(
        page,
        {
            "generate-full": "/",
            "library-full": "/library",
            "library-last-page": "/library?page=2",
            "speech": "/speech",
        },
    )


def photograph_gone(page: Page, owner: Musician, camera: Photographer) -> None:
    """A sound that is deleted elsewhere while its page is open."""
    sound_id = owner.make("soon gone", is_public=True, tags=[], duration=1)
    page.goto(f"/sounds/{sound_id}")
    expect(page.locator("#live")).to_have_attribute("data-connection", "open")
    owner.delete(sound_id)
    expect(page.get_by_role("heading", name="no longer here")).to_be_visible(timeout=20_000)
    camera.take(page, "sound-gone")


def picture_the_readme(page: Page) -> None:
    """The start page on a wide screen and the library on a phone, each in light and dark, small."""
    README_FOLDER.mkdir(parents=True, exist_ok=True)
    page.goto("/")
    page.get_by_label("Duration").fill("180")
    page.get_by_role("button", name="Generate").click()
    expect(page.locator(".job progress")).to_have_count(1)
    page.goto("/library")
    page.get_by_role("button", name=f"Play {PROMPTS[0]}").click()
    page.get_by_role("button", name=f"Pause {PROMPTS[0]}").wait_for()
    page.locator("#player-audio").evaluate("audio => { audio.pause(); audio.currentTime = 3; }")
    wire = page.context.new_cdp_session(page)
    for size, path in README_PAGES.items():
        page.set_viewport_size(SIZES[size])
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            page.goto(path)
            expect(page.locator("#live")).to_have_attribute("data-connection", "open")
            options = {"format": "webp", "quality": README_QUALITY}
            picture = wire.send("Page.captureScreenshot", options)["data"]
            (README_FOLDER / f"{size}-{theme}.webp").write_bytes(base64.b64decode(picture))


def photograph(browser: Browser, server: ThrowawayServer, camera: Photographer, *, for_readme: bool) -> None:
    """Walk through the pages as people would."""
    page = browser.new_page(base_url=server.address)
    photograph_strangers(page, server, camera)
    sign_up(page, server)
    # Before there are long jobs, which it would wait for.
    photograph_over_limit(browser, server, camera)
    photograph_generate(page, server, camera)
    if for_readme:
        picture_the_readme(page)
    photograph_jobs(page, camera)
    photograph_library(page, camera)
    photograph_sound(page, camera)
    photograph_account(page, camera)
    photograph_full(page, server, camera)
    stranger = browser.new_page(base_url=server.address)
    camera.visit(stranger, {"welcome": "/", "library-signed-out": "/library", "speech-signed-out": "/speech"})


def main(arguments: list[str]) -> int:
    """Take all the pictures."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.screenshots", description="Take pictures of pages."
    )
    parser.add_argument("folder", nargs="?", type=Path, default=Path("build/screenshots"))
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="what begins with this")
    parser.add_argument("--readme", action="store_true", help=f"also write the README's to {README_FOLDER}")
    chosen = parser.parse_args(arguments)
    executable = find_browser()
    if executable is None:
        print("No Chromium or Chrome was found.", file=sys.stderr)
        return 1
    expect.set_options(timeout=WAIT_MS)
    # Room for a full queue; the free tier keeps its limits, which one page shows reached.
    with (
        throwaway_server(creator_hourly="1000", creator_at_once="100") as server,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        photograph(browser, server, Photographer(chosen.folder, tuple(chosen.only)), for_readme=chosen.readme)
        browser.close()
    print(f"Pictures are in {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
