"""Somebody who has only a keyboard."""

from playwright.sync_api import Locator, Page, expect

MOST_STEPS = 150
HAS_FOCUS = "element => element === document.activeElement"


class Keyboard:
    """Moves through a page by Tab alone, as far as one element after another."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def reach(self, element: Locator) -> None:
        """Go on until an element has the focus."""
        expect(element).to_be_visible()
        for _ in range(MOST_STEPS):
            if element.evaluate(HAS_FOCUS):
                return
            self._page.keyboard.press("Tab")
        raise AssertionError(f"{element} cannot be reached by keyboard")

    def press(self, element: Locator, key: str = "Enter") -> None:
        self.reach(element)
        self._page.keyboard.press(key)

    def type(self, element: Locator, text: str) -> None:
        """Replace what a field holds."""
        self.reach(element)
        self._page.keyboard.press("ControlOrMeta+a")
        self._page.keyboard.type(text)
