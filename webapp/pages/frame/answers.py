"""The answers of pages to actions, with script and without."""

from typing import Any, Final

from litestar import Response

from webapp.pages.accounts.authentication import safe_next
from webapp.pages.frame.chrome import Chrome, Section
from webapp.pages.frame.forms import Fields
from webapp.pages.frame.partials import toast
from webapp.pages.frame.posted import Posted
from webapp.pages.library.contexts import ConfirmPage

# Whatever shows sounds listens for it and asks for itself again: see docs/pages.md.
LIBRARY_CHANGED: Final = "library-changed"
CONFIRMED: Final = ("confirmed", "yes")


def done(posted: Posted, said: str, *fragments: str, back: str) -> Response[Any]:
    """Say what was done; without script, go back to where the form stood, which its `back` names."""
    if not posted.wants_fragments:
        return posted.see_other(safe_next(posted.fields.get("back", back)))
    return posted.renderer.fragments(*fragments, *([toast(said)] if said else []))


def library_changed(posted: Posted, said: str, *fragments: str, back: str = "/library") -> Response[Any]:
    """`done`, and everything on the page that shows sounds is renewed."""
    response = done(posted, said, *fragments, back=back)
    if posted.wants_fragments:
        response.headers["HX-Trigger"] = LIBRARY_CHANGED
    return response


def is_confirmed(fields: Fields) -> bool:
    """Return whether somebody has been asked, by a dialog or by the page below."""
    return fields.get(CONFIRMED[0]) == CONFIRMED[1]


def ask(
    posted: Posted,
    question: str,
    text: str,
    *,
    verb: str,
    opposite: str,
    action: str,
    section: Section,
    back: str,
) -> Response[str]:
    """The page that asks before what cannot be taken back; its answer is the same form, confirmed."""
    return posted.renderer.page(
        ConfirmPage(
            chrome=Chrome(section, posted.identity),
            question=question,
            text=text,
            verb=verb,
            opposite=opposite,
            action=action,
            fields=(*posted.pairs, CONFIRMED),
            back=safe_next(posted.fields.get("back", back)),
        )
    )
