"""Pictures of a page as it looks on a phone and on a wide screen, light and dark."""

from pathlib import Path
from typing import Final, Literal

from playwright.sync_api import Page, ViewportSize

SIZES: Final[dict[str, ViewportSize]] = {
    "phone": {"width": 390, "height": 844},
    "desktop": {"width": 1280, "height": 900},
}
THEMES: Final[tuple[Literal["light"], Literal["dark"]]] = ("light", "dark")
TALLEST: Final = 8_000
# How high a page is once it has been laid out anew.
HEIGHT: Final = """() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(
    () => resolve(document.documentElement.scrollHeight))))"""


class Photographer:
    """Takes each page in every size and theme; with `only`, those whose names begin with one of these."""

    def __init__(self, folder: Path, only: tuple[str, ...] = ()) -> None:
        self._folder = folder
        self._only = only
        folder.mkdir(parents=True, exist_ok=True)

    def take(self, page: Page, name: str) -> None:
        """Write `name-size-theme.png` of the whole page, in a window so high that nothing needs scrolling."""
        if self._only and not name.startswith(self._only):
            return
        for size, viewport in SIZES.items():
            page.set_viewport_size(viewport)
            page.wait_for_function("height => innerHeight === height", arg=viewport["height"])
            height = page.evaluate(HEIGHT)
            page.set_viewport_size({**viewport, "height": min(max(viewport["height"], height), TALLEST)})
            for theme in THEMES:
                page.emulate_media(color_scheme=theme, reduced_motion="reduce")
                page.screenshot(path=self._folder / f"{name}-{size}-{theme}.png", animations="disabled")
        page.set_viewport_size(SIZES["desktop"])

    def visit(self, page: Page, paths: dict[str, str]) -> None:
        """Pages, by the names of their pictures, that need nothing but to be opened."""
        for name, path in paths.items():
            page.goto(path)
            self.take(page, name)
