"""Take pictures of the pages, on a phone and on a wide screen, light and dark, to be looked at.

    python -m tools.screenshots [folder]

starts a server of its own on a throw-away data folder, makes an account, asks for sounds, and writes
PNG files to `folder` (default: build/screenshots).
"""

import sys
from pathlib import Path
from typing import Literal

from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from tools.browser import find_browser
from tools.throwaway_server import ThrowawayServer, throwaway_server

SIZES: dict[str, ViewportSize] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
}
THEMES: tuple[Literal["light"], Literal["dark"]] = ("light", "dark")
PASSWORD = "correct horse battery"  # noqa: S105 - of an account that lives for a minute
PROMPTS = (
    "slow piano over heavy rain",
    "بيانو بطيء تحت المطر الغزير 🌧️🎹",
    "🥁🔥 128 BPM techno with a deep kick 👩‍🎤",
    "averyveryverylongwordwithoutanyspaces" * 6 + " and then " + "some more words about the sea " * 20,
)


class Photographer:
    """Takes each page in every size and theme."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, name: str) -> None:
        for theme in THEMES:
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")
            for size, viewport in SIZES.items():
                page.set_viewport_size(viewport)
                page.screenshot(
                    path=self._folder / f"{name}-{size}-{theme}.png", full_page=True, animations="disabled"
                )


def photograph(browser: Browser, server: ThrowawayServer, camera: Photographer) -> None:
    """Walk through the pages as a person would."""
    page = browser.new_page(base_url=server.address)
    for path, name in (
        ("/", "welcome"),
        ("/register", "register"),
        ("/login", "login"),
        ("/nope", "not-found"),
    ):
        page.goto(path)
        camera.take(page, name)
    page.goto(server.setup_link)
    camera.take(page, "setup")
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    expect(page.get_by_role("button", name="Generate")).to_be_visible()
    camera.take(page, "generate-empty")
    for prompt in PROMPTS:
        page.get_by_label("Prompt").fill(prompt)
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".job").filter(has_text=prompt[:20])).to_have_count(1)
    expect(page.locator(".job audio")).to_have_count(len(PROMPTS), timeout=60_000)
    page.locator(".job details").first.locator("summary").click()
    expect(page.locator(".job .spectrogram").first).to_be_visible()
    camera.take(page, "generate-done")
    page.get_by_label("Duration").fill("180")
    for number in range(6):
        page.get_by_label("Prompt").fill(f"wind and sea, take {number}")
        page.get_by_role("button", name="Generate").click()
        expect(page.locator(".job").filter(has_text=f"take {number}")).to_have_count(1)
    camera.take(page, "generate-busy")
    page.goto("/queue")
    camera.take(page, "queue")
    page.goto("/account")
    camera.take(page, "account")
    photograph_library(page, camera)
    page.goto("/schema")
    page.wait_for_selector(".opblock")
    camera.take(page, "schema")


def photograph_library(page: Page, camera: Photographer) -> None:
    """The library with nothing in it, with a page full, and what one finds there."""
    page.goto("/library")
    camera.take(page, "library-empty")
    page.goto("/library?view=mine")
    for box in page.locator("input[name='id']").all():
        box.check()
    camera.take(page, "library-chosen")
    page.get_by_role("button", name="Publish").click()
    expect(page.locator("#toasts")).to_contain_text("published")
    page.goto("/library")
    page.get_by_role("button", name=f"Play {PROMPTS[0]}").click()
    expect(page.get_by_role("region", name="Player")).to_be_visible()
    camera.take(page, "library")
    page.get_by_role("link", name="Rows").click()
    page.wait_for_url("**layout=rows*")
    camera.take(page, "library-rows")
    page.goto("/library?q=nothing+like+this")
    camera.take(page, "library-nothing")
    page.goto("/library")
    page.locator(".sound-card-title a", has_text=PROMPTS[0]).click()
    expect(page.get_by_label("Name of a new playlist")).to_be_visible()
    camera.take(page, "sound")
    page.get_by_label("Name of a new playlist").fill("Quiet evenings")
    page.get_by_role("button", name="Add to playlist").click()
    expect(page.locator("#toasts")).to_contain_text("Quiet evenings")
    page.goto("/library")
    page.locator(".sound-card-title a").first.click()
    page.get_by_role("button", name="Add to playlist").click()
    expect(page.locator("#toasts")).to_contain_text("Quiet evenings")
    camera.take(page, "sound-long")
    page.goto("/playlists")
    camera.take(page, "playlists")
    page.get_by_role("link", name="Quiet evenings").click()
    expect(page.locator("#playlist-tracks > li")).to_have_count(2)
    camera.take(page, "playlist")
    page.get_by_role("button", name="Close the player").click()


def main(arguments: list[str]) -> int:
    """Take all the pictures."""
    executable = find_browser()
    if executable is None:
        print("No Chromium or Chrome was found.", file=sys.stderr)
        return 1
    folder = Path(arguments[0] if arguments else "build/screenshots")
    with throwaway_server() as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        photograph(browser, server, Photographer(folder))
        browser.close()
    print(f"Pictures are in {folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
