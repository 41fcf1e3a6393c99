"""Code that the pages for admins share: who may come in, and where they are."""

from typing import Final, TypeAlias

from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from webapp.pages.accounts.authentication import InjectedIdentity
from webapp.pages.frame.chrome import Chrome, LiveView
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.posted import Posted, provide_posted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.services.accounts.identity import Identity, require_admin

MAX_PAGE: Final = 100_000

InjectedAdmin: TypeAlias = NamedDependency[SkipValidation[Identity]]


async def provide_admin(identity: InjectedIdentity) -> Identity:
    """The admin who is signed in. Raises AuthenticationRequired, and NotAuthorized for anybody else."""
    require_admin(identity)
    return identity


async def provide_admins_form(
    request: PageRequest, renderer: InjectedRenderer, admin: InjectedAdmin
) -> Posted:
    """The form of an admin. Raises what `provide_admin` does, before the form is read."""
    return await provide_posted(request, renderer, admin)


ADMIN_DEPENDENCIES: Final = {"admin": Provide(provide_admin), "posted": Provide(provide_admins_form)}


def admin_chrome(admin: Identity, live: LiveView | None = None) -> Chrome:
    """Build the frame of a page for admins."""
    return Chrome("admin", admin, live=live)


def page_number(request: PageRequest) -> int:
    """The page of a list that an address asks for, 1 for what is none."""
    text = request.query_params.get("page", "1")
    return min(max(1, int(text)), MAX_PAGE) if text.isascii() and text.isdecimal() and len(text) < 9 else 1
