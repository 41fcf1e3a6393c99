"""The pages to register, sign in and sign out, and those of set-up links and invitations."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Literal

from litestar import Response, get, post
from litestar.types import ControllerRouterHandler

from webapp.errors import (
    AuthenticationRequired,
    Conflict,
    InvalidRequest,
    LimitReached,
    NotAuthorized,
    ProductError,
)
from webapp.http.dependencies import InjectedAccounts, InjectedSettings
from webapp.http.errors import describe
from webapp.http.requests.client_address import address_of
from webapp.http.requests.session_cookie import session_secret
from webapp.pages.accounts.authentication import (
    InjectedViewer,
    safe_next,
    session_cookie,
    start_session,
)
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.forms import Fields, read_form
from webapp.pages.frame.navigation import PageRequest, see_other
from webapp.pages.frame.rendering import InjectedRenderer, Renderer
from webapp.policy.accounts.credentials import (
    MAX_USERNAME_CHARACTERS,
    MIN_PASSWORD_CHARACTERS,
    MIN_USERNAME_CHARACTERS,
)
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.invitations import InvitationView
from webapp.settings import Settings

Purpose = Literal["sign-in", "register", "set-up", "invitation"]
START: Final = "/"
AFTER_SET_UP: Final = "/?done=set-up"


@dataclass(frozen=True, slots=True)
class CredentialsPage:
    """A form for a username and a password.

    `token` is the secret of the set-up link or invitation; `next_path` is where to go afterwards;
    `error_field` names the field that `error` is about, if it is about one. `is_invited_by_name`: the
    invitation is for this username only. `has_ended`: the browser's session is no longer valid;
    `is_sent_here`: another page needs somebody signed in.
    """

    template: ClassVar[str] = "accounts/credentials.html"

    chrome: Chrome
    purpose: Purpose
    username: str = ""
    error: str | None = None
    error_field: str | None = None
    token: str = ""
    next_path: str = START
    is_registration_open: bool = True
    has_ended: bool = False
    is_sent_here: bool = False
    is_invited_by_name: bool = False
    min_password: int = MIN_PASSWORD_CHARACTERS
    min_username: int = MIN_USERNAME_CHARACTERS
    max_username: int = MAX_USERNAME_CHARACTERS


@dataclass(frozen=True, slots=True)
class SetupClosedPage:
    """The page for a set-up link that is not, or no longer, valid."""

    template: ClassVar[str] = "accounts/setup_closed.html"

    chrome: Chrome


@dataclass(frozen=True, slots=True)
class InvitationClosedPage:
    """The page for an invitation that was accepted, withdrawn or has expired."""

    template: ClassVar[str] = "accounts/invitation_closed.html"

    chrome: Chrome


@get("/login")
async def show_sign_in(
    request: PageRequest, settings: InjectedSettings, renderer: InjectedRenderer, viewer: InjectedViewer
) -> Response[Any]:
    """Show the sign-in page, or redirect if somebody is signed in already."""
    fields = {"next": safe_next(request.query_params.get("next", START))}
    if viewer:
        return see_other(request, fields["next"])
    # A browser sends the cookie of a session for as long as it takes the session for valid.
    has_ended = session_secret(request, settings) is not None
    page = _form(settings, "sign-in", fields)
    return renderer.page(replace(page, has_ended=has_ended, is_sent_here="next" in request.query_params))


@post("/login")
async def sign_in(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts, renderer: InjectedRenderer
) -> Response[Any]:
    """Check a username and a password and start a session."""
    fields = await read_form(request)
    address = address_of(request, settings)
    try:
        identity = await accounts.registry.authenticate(
            fields.get("username"), fields.get("password"), address=address
        )
    except (AuthenticationRequired, InvalidRequest, LimitReached) as error:
        return _refused(renderer.page(_form(settings, "sign-in", fields, error)), error)
    target = see_other(request, safe_next(fields.get("next", START)))
    return await start_session(request, settings, accounts, identity, target)


@get("/register")
async def show_register(
    request: PageRequest, settings: InjectedSettings, renderer: InjectedRenderer, viewer: InjectedViewer
) -> Response[Any]:
    """Show the page to create an account."""
    fields = {"next": safe_next(request.query_params.get("next", START))}
    if viewer:
        return see_other(request, fields["next"])
    return renderer.page(_form(settings, "register", fields))


@post("/register")
async def register(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts, renderer: InjectedRenderer
) -> Response[Any]:
    """Create an account and sign it in."""
    fields = await read_form(request)
    address = address_of(request, settings)
    try:
        identity = await accounts.registry.register(
            fields.get("username"), fields.get("password"), address=address
        )
    except (Conflict, InvalidRequest, LimitReached, NotAuthorized) as error:
        return _refused(renderer.page(_form(settings, "register", fields, error)), error)
    target = see_other(request, safe_next(fields.get("next", START)))
    return await start_session(request, settings, accounts, identity, target)


@get("/setup")
async def show_setup(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts, renderer: InjectedRenderer
) -> Response[Any]:
    """Show the page behind the one-time link that creates the first admin."""
    token = request.query_params.get("token", "")
    if not token or not await accounts.setup_links.is_open(token):
        return renderer.page(SetupClosedPage(Chrome("none")), status=403)
    return renderer.page(_form(settings, "set-up", {"token": token}))


@post("/setup")
async def set_up(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts, renderer: InjectedRenderer
) -> Response[Any]:
    """Create the first admin and sign them in."""
    fields = await read_form(request)
    try:
        identity = await accounts.setup_links.claim(
            fields.get("token", ""), fields.get("username"), fields.get("password")
        )
    except NotAuthorized:
        return renderer.page(SetupClosedPage(Chrome("none")), status=403)
    except (Conflict, InvalidRequest, LimitReached) as error:
        return _refused(renderer.page(_form(settings, "set-up", fields, error)), error)
    return await start_session(request, settings, accounts, identity, see_other(request, AFTER_SET_UP))


@get("/invitation")
async def show_invitation(
    request: PageRequest,
    accounts: InjectedAccounts,
    settings: InjectedSettings,
    renderer: InjectedRenderer,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Show the page behind an invitation, where somebody creates their own account."""
    token = request.query_params.get("token", "")
    invitation = await accounts.invitations.find(token)
    if invitation is None:
        return _invitation_closed(renderer)
    return renderer.page(_invitation_form(settings, invitation, viewer, {"token": token}))


@post("/invitation")
async def accept_invitation(
    request: PageRequest,
    settings: InjectedSettings,
    accounts: InjectedAccounts,
    renderer: InjectedRenderer,
    viewer: InjectedViewer,
) -> Response[Any]:
    """Create the account that an invitation is for, and sign it in."""
    fields = await read_form(request)
    token = fields.get("token", "")
    invitation = await accounts.invitations.find(token)
    if invitation is None:
        return _invitation_closed(renderer)
    try:
        identity = await accounts.invitations.accept(
            token, fields.get("username"), fields.get("password"), address=address_of(request, settings)
        )
    except NotAuthorized:
        return _invitation_closed(renderer)
    except (Conflict, InvalidRequest, LimitReached) as error:
        page = _invitation_form(settings, invitation, viewer, fields, error)
        return _refused(renderer.page(page), error)
    return await start_session(request, settings, accounts, identity, see_other(request, START))


def _invitation_form(
    settings: Settings,
    invitation: InvitationView,
    viewer: Identity | None,
    fields: Fields,
    error: ProductError | None = None,
) -> CredentialsPage:
    """Build the form of an invitation, which may have decided the username."""
    named = {"username": invitation.username} if invitation.username else {}
    page = _form(settings, "invitation", {**fields, **named}, error)
    return replace(page, chrome=Chrome("none", viewer), is_invited_by_name=bool(invitation.username))


def _invitation_closed(renderer: Renderer) -> Response[Any]:
    return renderer.page(InvitationClosedPage(Chrome("none")), status=403)


@post("/logout")
async def sign_out(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts
) -> Response[Any]:
    """End the session of this browser."""
    secret = session_secret(request, settings)
    if secret:
        await accounts.sessions.end(secret)
    response = see_other(request, START)
    response.set_cookie(session_cookie(settings, "", max_age_s=0))
    return response


def _form(
    settings: Settings, purpose: Purpose, fields: Fields, error: ProductError | None = None
) -> CredentialsPage:
    """Build the form with what was typed, except the password, and with the error."""
    return CredentialsPage(
        Chrome("sign-in" if purpose == "sign-in" else "none"),
        purpose,
        username=fields.get("username", ""),
        error=error.message if error else None,
        error_field=_field(error),
        token=fields.get("token", ""),
        next_path=safe_next(fields.get("next", START)),
        is_registration_open=settings.registration == "open",
    )


def _field(error: ProductError | None) -> str | None:
    if isinstance(error, InvalidRequest):
        return error.field
    return "username" if isinstance(error, Conflict) else None


def _refused(response: Response[str], error: ProductError) -> Response[str]:
    """Give the form the status and the headers that the error has everywhere else."""
    problem = describe(error)
    response.status_code = problem.status
    response.headers.update(problem.headers)
    response.headers.pop("WWW-Authenticate", None)  # a form is how one signs in here
    return response


SIGN_IN_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    show_sign_in,
    sign_in,
    show_register,
    register,
    show_setup,
    set_up,
    show_invitation,
    accept_invitation,
    sign_out,
)
