"""Fragments that name the element they are for."""

from typing import Final, Literal

from markupsafe import escape

from webapp.pages.frame.texts import _

Swap = Literal["outerMorph", "innerMorph", "innerHTML", "beforeend", "delete"]
ANNOUNCER: Final = "announcer"
TOASTS: Final = "toasts"


def partial(element_id: str, html: str, swap: Swap = "outerMorph") -> str:
    """Markup that htmx takes apart: `html` goes to the element with this id, wherever the answer goes.

    Morphing changes what differs and leaves the rest alone, so focus, scroll position and playing audio
    survive. `html` is rendered markup.
    """
    return f'<hx-partial hx-target="#{element_id}" hx-swap="{swap}">{html}</hx-partial>'


def announcement(text: str) -> str:
    """A short text that screen readers speak when it arrives."""
    return partial(ANNOUNCER, str(escape(text)), swap="innerHTML")


def toast(text: str, *, view: str | None = None) -> str:
    """A short text that everybody sees for a few seconds, and that screen readers speak.

    `view` is the id of the element on the page that it is about.
    """
    word = escape(_("View"))
    link = f' <a class="toast-link" href="#{escape(view)}">{word}</a>' if view else ""
    return partial(TOASTS, f'<p class="toast">{escape(text)}{link}</p>', swap="beforeend")
