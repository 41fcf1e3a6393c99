"""Authentication of pages: sessions in cookies."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from webapp.errors import AuthenticationRequired, DatabaseAway
from webapp.http.dependencies import InjectedAccounts, InjectedBus, InjectedSettings
from webapp.http.middleware.prefix import own_path
from webapp.http.requests.addresses import split_address
from webapp.http.requests.client_address import address_of
from webapp.http.requests.session_cookie import cookie_name, cookie_path, session_secret
from webapp.http.streams.welcome import Welcome
from webapp.pages.frame.navigation import PageRequest, see_other, wants_fragments
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import LIFETIME_MS, SignedIn
from webapp.settings import Settings

# Quoted, it still fits into an address.
MAX_WAY_BACK: Final = 500
RENEWED: Final = "renewed_session_cookie"

InjectedSession = NamedDependency[SkipValidation[SignedIn | None]]
InjectedViewer = NamedDependency[SkipValidation[Identity | None]]
InjectedIdentity = NamedDependency[SkipValidation[Identity]]
InjectedWelcome = NamedDependency[SkipValidation[Welcome | None]]


def session_cookie(settings: Settings, secret: str, *, max_age_s: int = LIFETIME_MS // 1000) -> Cookie:
    """Make the cookie that carries a session; `max_age_s` 0 removes it."""
    return Cookie(
        key=cookie_name(settings),
        value=secret,
        path=cookie_path(settings),
        max_age=max_age_s,
        secure=settings.secure_cookies,
        httponly=True,
        samesite="lax",
    )


async def provide_session(
    request: PageRequest, settings: InjectedSettings, accounts: InjectedAccounts
) -> SignedIn | None:
    """Return the browser's session, if it is valid."""
    secret = session_secret(request, settings)
    session = await accounts.sessions.resolve(secret) if secret else None
    if secret and session and session.was_renewed:
        request.scope["state"][RENEWED] = session_cookie(settings, secret)
    return session


async def provide_viewer(session: InjectedSession) -> Identity | None:
    """Return who is signed in, if anybody is."""
    return session.identity if session else None


def viewer_finder(
    settings: Settings, accounts: AccountServices
) -> Callable[[Request[Any, Any, Any]], Awaitable[Identity | None]]:
    """Build the look-up of who sent a request, for where nothing is injected."""

    async def find(request: Request[Any, Any, Any]) -> Identity | None:
        secret = session_secret(request, settings)
        with suppress(DatabaseAway):
            return await accounts.sessions.identity_for(secret) if secret else None
        return None

    return find


async def provide_identity(viewer: InjectedViewer) -> Identity:
    """Return who is signed in. Raises AuthenticationRequired when nobody is."""
    if viewer is None:
        raise AuthenticationRequired
    return viewer


async def provide_welcome(
    request: PageRequest,
    settings: InjectedSettings,
    bus: InjectedBus,
    accounts: InjectedAccounts,
    viewer: InjectedViewer,
) -> Welcome | None:
    """Return a check that the browser is still signed in as now; None if nobody is."""
    secret = session_secret(request, settings)
    if viewer is None or secret is None:
        return None

    async def holds() -> bool:
        return await accounts.sessions.identity_for(secret) == viewer

    return Welcome(bus, viewer.account_id, holds)


class SessionRenewal:
    """Middleware that sends a renewed session's cookie again, so that it lasts as long as the session."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start" and RENEWED in scope["state"]:
                cookie: Cookie = scope["state"][RENEWED]
                present = [
                    value.split(b"=")[0] for name, value in message["headers"] if name == b"set-cookie"
                ]
                # The cookie of a handler that signs in or out takes precedence.
                if cookie.key.encode() not in present:
                    message["headers"] = [*message["headers"], cookie.to_encoded_header()]
            await send(message)

        await self.app(scope, receive, send_with_cookie)


DEPENDENCIES: Final = {
    "session": Provide(provide_session),
    "viewer": Provide(provide_viewer),
    "identity": Provide(provide_identity),
    "welcome": Provide(provide_welcome),
}


async def start_session(
    request: PageRequest,
    settings: Settings,
    accounts: AccountServices,
    identity: Identity,
    response: Response[Any],
) -> Response[Any]:
    """Sign an account in with this response, always under a new secret."""
    secret = await accounts.sessions.create(
        identity.account_id,
        address=address_of(request, settings),
        user_agent=request.headers.get("user-agent", ""),
        replacing=session_secret(request, settings),
    )
    response.set_cookie(session_cookie(settings, secret))
    return response


def ask_to_sign_in(request: PageRequest, error: AuthenticationRequired) -> Response[Any]:
    """Redirect to the sign-in page, and from there back, when a page needs somebody signed in."""
    del error
    shown = quote(_page_shown(request), safe="/")
    return see_other(request, "/login" if shown == "/" else f"/login?next={shown}")


def _page_shown(request: PageRequest) -> str:
    """Return the page that the browser asks for or, where something was done on a page, that page."""
    if request.method == "GET" and not wants_fragments(request):
        path, query = request.url.path, request.url.query
    else:
        headers = request.headers
        parts = split_address(headers.get("hx-current-url") or headers.get("referer") or "")
        path, query = (own_path(parts.path), parts.query) if parts else ("/", "")
    address = f"{path}?{query}" if query else path
    return safe_next(address if len(address) <= MAX_WAY_BACK else path)


def safe_next(target: str) -> str:
    """Return `target` if it is a path on this server, otherwise the start page."""
    parts = split_address(target)
    if parts is None:
        return "/"
    # Browsers read `//host` as another server, and a backslash as a slash.
    is_path = target.startswith("/") and not target.startswith("//") and not (parts.scheme or parts.netloc)
    return target if is_path and "\\" not in target and target.isprintable() else "/"
