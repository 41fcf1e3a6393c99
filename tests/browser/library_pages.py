"""The library, a sound, a playlist and the player as people use them."""

import re
from typing import Any, Literal

from playwright.sync_api import Locator, Page, expect

IS_PLAYING = """([audio, shown, toggle, title]) =>
    !audio.paused && audio.currentTime > 0.05 && shown.textContent === title && toggle.ariaLabel === "Pause"
"""


class Player:
    """The bar at the bottom."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.bar = page.get_by_role("region", name="Player")
        self.title = self.bar.locator("[data-player-title]")
        self.position = self.bar.get_by_role("slider", name="Position in the sound")
        self.repeat = self.button("Repeat this sound")

    def button(self, name: str) -> Locator:
        return self.bar.get_by_role("button", name=name, exact=True)

    def audio(self, name: str) -> Any:  # noqa: ANN401 - whatever the browser says
        return self._page.locator("#player-audio").evaluate(f"audio => audio.{name}")

    def wait_until(self, condition: str) -> None:
        """Wait for something about the audio element, such as `audio.currentTime > 1`."""
        element = self._page.locator("#player-audio").element_handle()
        self._page.wait_for_function(f"audio => {condition}", arg=element)

    def play_on(self) -> None:
        """Have it play one sound again and again, so that it does not stop by itself."""
        self.repeat.click()
        expect(self.repeat).to_have_attribute("aria-pressed", "true")

    def expect_playing(self, title: str) -> None:
        """The sound, the title and the button at one time: a short sound is soon over."""
        toggle = self.bar.get_by_role("button", name=re.compile("^(Play|Pause)$"))
        parts = [self._page.locator("#player-audio"), self.title, toggle]
        self._page.wait_for_function(IS_PLAYING, arg=[*(part.element_handle() for part in parts), title])


class LibraryPage:
    """The lists of sounds."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.search = page.get_by_role("searchbox", name="Search")
        self.sounds = page.locator(".sounds > li")

    def open(self, query: str = "") -> None:
        self._page.goto(f"/library{query}")

    def sound(self, title: str) -> Locator:
        return self.sounds.filter(has=self._page.get_by_role("link", name=title, exact=True))

    def play(self, title: str) -> None:
        self.sound(title).get_by_role("button", name=f"Play {title}", exact=True).click()

    def open_menu(self, title: str) -> Locator:
        """The menu of a sound, with what is fetched when it opens."""
        menu = self.sound(title).locator("details.menu")
        menu.locator("summary").click()
        expect(menu.get_by_role("button", name="Copy link")).to_be_visible()
        return menu

    def select(self, label: str, option: str) -> None:
        self._page.get_by_label(label).select_option(label=option)

    def choose(self, title: str) -> None:
        self._page.get_by_label(f"Choose {title}", exact=True).check()


class SoundPage:
    """One sound."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.title = page.get_by_role("heading", level=1)
        self.publish = page.get_by_role("button", name="Publish", exact=True)
        self.dialog = page.get_by_role("dialog")

    def open(self, sound_id: str) -> None:
        self._page.goto(f"/sounds/{sound_id}")

    def rename(self, title: str, tags: str) -> None:
        self._page.get_by_label("Title").fill(title)
        self._page.get_by_label("Tags").fill(tags)
        self._page.get_by_role("button", name="Save").click()

    def add_to_new_playlist(self, name: str) -> None:
        self._page.get_by_label("Name of a new playlist").fill(name)
        self._page.get_by_role("button", name="Add to playlist").click()

    def delete(self) -> None:
        self._page.get_by_role("button", name="Delete").click()


class PlaylistPage:
    """One playlist."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self.tracks = page.locator("#playlist-tracks > li")

    def titles(self) -> list[str]:
        return self._page.locator("#playlist-tracks .sound-card-title").all_inner_texts()

    def move(self, title: str, way: Literal["up", "down"]) -> None:
        """One step, by keyboard, once the page knows that there is a step to make."""
        button = self._page.get_by_role("button", name=f"Move {title} {way}")
        expect(button).to_be_enabled()
        button.press("Enter")

    def drag_first_down(self) -> None:
        """Drag the first of two sounds below the other."""
        grip = self.tracks.first.locator("[data-grip]").bounding_box()
        assert grip is not None
        self._page.mouse.move(grip["x"] + 5, grip["y"] + 5)
        self._page.mouse.down()
        self._page.mouse.move(grip["x"] + 5, grip["y"] + 160, steps=4)
        self._page.mouse.up()

    def expect_order(self, *titles: str) -> None:
        expect(self._page.locator("#playlist-tracks .sound-card-title")).to_have_text(list(titles))
