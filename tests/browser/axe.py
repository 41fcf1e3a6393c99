"""Pages against WCAG 2.2 AA, light and dark, and at every width."""

from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.browser.pages import violations

AXE = Path(__file__).resolve().parents[2] / "build/test-assets/axe.min.js"
WIDTHS = (320, 390, 768, 1280, 1920)
LONG = "averyveryverylongwordwithoutanyspaces" * 6 + " بيانو بطيء 🌧️ " + "more words " * 30
RIGHT_TO_LEFT = "بيانو بطيء تحت المطر الغزير 🌧️🎹"
# Colours change with the scheme by transitions, however short, that begin with the next frame.
NEXT_FRAMES = "() => new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))"

# WCAG 2.2 AA; of it, what a scheme can change: it has the same elements in other colours.
WCAG = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
OF_COLOURS = ("color-contrast", "link-in-text-block")
RULES: dict[Literal["light", "dark"], tuple[str, ...]] = {"light": WCAG, "dark": OF_COLOURS}

needs_axe = pytest.mark.skipif(not AXE.exists(), reason="make setup fetches axe")


def expect_for_everybody(page: Page, state: str = "") -> None:
    """What is shown now breaks no rule; in the dark, none that is about colours."""
    for scheme, rules in RULES.items():
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.evaluate(NEXT_FRAMES)
        page.wait_for_function("() => document.getAnimations().length === 0")
        assert violations(page, AXE, rules) == [], f"{state or page.url}, {scheme}"


def expect_to_fit(page: Page, *paths: str) -> None:
    """Nothing of these pages runs off the side of a window, however narrow or wide."""
    for path in paths:
        page.goto(path)
        expect(page.locator("h1")).to_be_visible()
        for width in WIDTHS:
            page.set_viewport_size(ViewportSize(width=width, height=800))
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{path} at {width}"
