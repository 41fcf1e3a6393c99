"""What the pages for admins share: who may come in, how they answer, and how they ask first."""

from typing import Any, Final, TypeAlias

from litestar import Response
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from webapp.pages.authentication import InjectedIdentity, safe_next
from webapp.pages.chrome import Chrome, LiveView
from webapp.pages.library_answers import CONFIRMED
from webapp.pages.library_contexts import ConfirmPage
from webapp.pages.navigation import PageRequest, see_other, wants_fragments
from webapp.pages.partials import toast
from webapp.pages.rendering import Renderer
from webapp.services.identity import Identity, require_admin

MAX_PAGE: Final = 100_000

InjectedAdmin: TypeAlias = NamedDependency[SkipValidation[Identity]]


async def provide_admin(identity: InjectedIdentity) -> Identity:
    """The admin who is signed in. Raises AuthenticationRequired, and NotAuthorized for anybody else."""
    require_admin(identity)
    return identity


ADMIN_DEPENDENCIES: Final = {"admin": Provide(provide_admin)}


def admin_chrome(admin: Identity, live: LiveView | None = None) -> Chrome:
    """What surrounds a page for admins."""
    return Chrome("admin", admin, live=live)


def page_number(request: PageRequest) -> int:
    """The page of a list that an address asks for, 1 for what is none."""
    text = request.query_params.get("page", "1")
    return min(max(1, int(text)), MAX_PAGE) if text.isascii() and text.isdecimal() and len(text) < 9 else 1


def done(request: PageRequest, renderer: Renderer, said: str, back: str, *fragments: str) -> Response[Any]:
    """Say what was done; without script, go back."""
    if not wants_fragments(request):
        return see_other(request, safe_next(back))
    return renderer.fragments(*fragments, toast(said))


def ask_first(
    renderer: Renderer,
    admin: Identity,
    question: str,
    text: str,
    *,
    verb: str,
    action: str,
    back: str,
    fields: tuple[tuple[str, str], ...] = (),
) -> Response[str]:
    """The page that asks before what cannot be taken back; with script a dialog has asked already."""
    return renderer.page(
        ConfirmPage(
            chrome=admin_chrome(admin),
            question=question,
            text=text,
            verb=verb,
            action=action,
            fields=(*fields, CONFIRMED),
            back=back,
        )
    )
