"""How pages of the library answer what is done on them, with script and without."""

from typing import Any, Final

from litestar import Response

from webapp.pages.authentication import safe_next
from webapp.pages.chrome import Chrome
from webapp.pages.forms import Fields
from webapp.pages.library_contexts import ConfirmPage
from webapp.pages.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.partials import toast
from webapp.pages.rendering import Renderer
from webapp.services.identity import Identity

# Whatever shows sounds listens for it and asks for itself again: see docs/pages.md.
LIBRARY_CHANGED: Final = "library-changed"
CONFIRMED: Final = ("confirmed", "yes")


def done(
    request: PageRequest,
    renderer: Renderer,
    fields: Fields,
    said: str,
    *fragments: str,
    back: str = "/library",
) -> Response[Any]:
    """Say what was done; without script, go back to where the form stood, which its `back` names."""
    if not wants_fragments(request):
        return see_other(request, safe_next(fields.get("back", back)))
    response = renderer.fragments(*fragments, *([toast(said)] if said else []))
    response.headers["HX-Trigger"] = LIBRARY_CHANGED
    return response


def is_confirmed(fields: Fields) -> bool:
    """Whether somebody has been asked, by a dialog or by the page below."""
    return fields.get(CONFIRMED[0]) == CONFIRMED[1]


def ask(
    renderer: Renderer,
    viewer: Identity,
    question: str,
    text: str,
    *,
    verb: str,
    action: str,
    fields: list[tuple[str, str]],
) -> Response[str]:
    """The page that asks first."""
    back = safe_next(dict(fields).get("back", "/library"))
    return renderer.page(
        ConfirmPage(
            chrome=Chrome("library", viewer),
            question=question,
            text=text,
            verb=verb,
            action=action,
            fields=(*fields, CONFIRMED),
            back=back,
        )
    )
