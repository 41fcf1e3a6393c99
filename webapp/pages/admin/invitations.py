"""Invitations, as admins make and withdraw them."""

from typing import Any, Final

from litestar import Response, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import Conflict, InvalidRequest
from webapp.http.dependencies import InjectedAdministration, InjectedSettings
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, admin_chrome
from webapp.pages.admin.accounts import not_made
from webapp.pages.admin.contexts import InvitedPage
from webapp.pages.frame.navigation import server_address
from webapp.pages.frame.posted import InjectedPosted


@post("/admin/invitations", dependencies=ADMIN_DEPENDENCIES)
async def invite(
    posted: InjectedPosted, settings: InjectedSettings, administration: InjectedAdministration
) -> Response[Any]:
    """Make an invitation. Its link is in this answer only, so there is no redirect."""
    name, tier = posted.fields.get("username", "").strip(), posted.fields.get("tier", "")
    try:
        secret, invitation = await administration.invitations.create(posted.identity, name, tier)
    except (InvalidRequest, Conflict) as error:
        return await not_made(posted, administration, "invitation", error)
    link = f"{server_address(posted.request, settings.public_url)}/invitation?token={secret}"
    return posted.renderer.page(InvitedPage(admin_chrome(posted.identity), invitation, link))


@post("/admin/invitations/{invitation_id:int}/withdraw", dependencies=ADMIN_DEPENDENCIES)
async def withdraw(
    posted: InjectedPosted, administration: InjectedAdministration, invitation_id: FromPath[int]
) -> Response[Any]:
    """Void an invitation before it is accepted."""
    await administration.invitations.withdraw(posted.identity, invitation_id)
    return posted.see_other("/admin#invitations")


INVITATION_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (invite, withdraw)
