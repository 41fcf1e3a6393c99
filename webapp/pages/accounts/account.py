"""The account page: usage, Aura, tokens, password, sessions, export and deletion."""

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import Conflict, InvalidRequest, LimitReached, ProductError
from webapp.http.dependencies import InjectedAccounts, InjectedLibrary, InjectedSettings, InjectedStreams
from webapp.http.errors import describe
from webapp.http.files.archive import account_archive
from webapp.http.files.attachment import Attachment
from webapp.http.middleware.compression import AS_WRITTEN
from webapp.http.requests.client_address import address_of
from webapp.pages.accounts.authentication import InjectedIdentity, InjectedSession, session_cookie
from webapp.pages.frame.chrome import Chrome
from webapp.pages.frame.navigation import PageRequest, see_other
from webapp.pages.frame.posted import InjectedPosted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import N_, Texts
from webapp.policy.accounts.credentials import MAX_LABEL_CHARACTERS, MIN_PASSWORD_CHARACTERS
from webapp.services.accounts.aura import LedgerEntry
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.sessions import SessionView, SignedIn
from webapp.services.accounts.tokens import TokenView
from webapp.services.accounts.usage import AccountUsage
from webapp.services.accounts.views import AccountView

Section = Literal["tokens", "password", "delete"]
LEDGER_LINES: Final = 10
PER_PAGE: Final = 20
MAX_PAGE: Final = 10_000
DONE: Final = Texts(
    {
        "password": N_("Password changed. Your other sessions were ended."),
        "token": N_("Token revoked."),
        "session": N_("Session ended."),
        "sessions": N_("All other sessions ended."),
    }
)


@dataclass(frozen=True, slots=True)
class Listed:
    """The pages of its lists that the account page shows."""

    tokens: int = 1
    sessions: int = 1


FIRST: Final = Listed()


@dataclass(frozen=True, slots=True)
class Pages:
    """The number of a list's page, and the number of the list's entries."""

    page: int
    total: int

    @property
    def has_more(self) -> bool:
        return self.page * PER_PAGE < self.total


ONLY: Final = Pages(1, 0)


@dataclass(frozen=True, slots=True)
class AccountPage:
    """`new_token` is a token's secret, shown this once. `error` belongs to the form of `error_section`."""

    template: ClassVar[str] = "accounts/account.html"

    chrome: Chrome
    account: AccountView
    usage: AccountUsage
    ledger: tuple[LedgerEntry, ...]
    tokens: tuple[TokenView, ...]
    sessions: tuple[SessionView, ...]
    session_id: int | None
    token_pages: Pages = ONLY
    session_pages: Pages = ONLY
    done: str | None = None
    new_token: str | None = None
    error: str | None = None
    error_section: Section | None = None
    error_field: str | None = None
    min_password: int = MIN_PASSWORD_CHARACTERS
    max_label: int = MAX_LABEL_CHARACTERS


@get("/account")
async def show_account(
    request: PageRequest,
    accounts: InjectedAccounts,
    renderer: InjectedRenderer,
    identity: InjectedIdentity,
    session: InjectedSession,
) -> Response[Any]:
    """Everything about the account that is signed in."""
    done = DONE.get(request.query_params.get("done", ""))
    listed = Listed(_number(request, "tokens_page"), _number(request, "sessions_page"))
    return renderer.page(await _page(accounts, identity, session, done=done, listed=listed))


@post("/account/tokens")
async def create_token(
    posted: InjectedPosted, accounts: InjectedAccounts, session: InjectedSession
) -> Response[Any]:
    """Make a token. Its secret is in this answer only, so there is no redirect."""
    try:
        secret, _ = await accounts.tokens.create(posted.identity.account_id, posted.fields.get("label"))
    except (Conflict, InvalidRequest) as error:
        page = await _page(accounts, posted.identity, session, error=error, section="tokens")
        return posted.renderer.page(page, status=describe(error).status)
    return posted.renderer.page(await _page(accounts, posted.identity, session, new_token=secret))


@post("/account/tokens/{token_id:int}/revoke")
async def revoke_token(
    request: PageRequest, token_id: FromPath[int], accounts: InjectedAccounts, identity: InjectedIdentity
) -> Response[Any]:
    """End a token."""
    await accounts.tokens.revoke(identity.account_id, token_id)
    return see_other(request, "/account?done=token#tokens")


@post("/account/password")
async def change_password(
    posted: InjectedPosted, settings: InjectedSettings, accounts: InjectedAccounts, session: InjectedSession
) -> Response[Any]:
    """Change the password, which ends every other session."""
    try:
        await accounts.registry.change_password(
            posted.identity.account_id,
            posted.fields.get("current_password"),
            posted.fields.get("new_password"),
            address=address_of(posted.request, settings),
            keep_session_id=session.session_id if session else None,
        )
    except (InvalidRequest, LimitReached) as error:
        page = await _page(accounts, posted.identity, session, error=error, section="password")
        return posted.renderer.page(page, status=describe(error).status)
    return posted.see_other("/account?done=password#password")


@post("/account/sessions/{session_id:int}/revoke")
async def revoke_session(
    request: PageRequest, session_id: FromPath[int], accounts: InjectedAccounts, identity: InjectedIdentity
) -> Response[Any]:
    """End one session."""
    await accounts.sessions.revoke(identity.account_id, session_id)
    return see_other(request, "/account?done=session#sessions")


@post("/account/sessions/revoke-others")
async def revoke_other_sessions(
    request: PageRequest, accounts: InjectedAccounts, identity: InjectedIdentity, session: InjectedSession
) -> Response[Any]:
    """End every session but this one."""
    await accounts.sessions.revoke_others(identity.account_id, session.session_id if session else None)
    return see_other(request, "/account?done=sessions#sessions")


@get("/account/export", opt={AS_WRITTEN: True})
async def export_account(
    request: PageRequest,
    settings: InjectedSettings,
    library: InjectedLibrary,
    streams: InjectedStreams,
    identity: InjectedIdentity,
) -> Attachment:
    """Send everything that is stored about the account, with its sounds, as one archive."""
    return await account_archive(request, settings, library, streams, identity)


@get("/account/export.json")
async def export_data(accounts: InjectedAccounts, identity: InjectedIdentity) -> Response[bytes]:
    """Send everything but the sounds, as a file."""
    exported = await accounts.registry.export(identity.account_id)
    return Response(
        msgspec.json.format(msgspec.json.encode(exported), indent=2),
        media_type="application/json",
        headers={
            "Content-Disposition": f'attachment; filename="soundloom-{identity.username}.json"',
            "Cache-Control": "no-store",
        },
    )


@post("/account/delete")
async def delete_account(
    posted: InjectedPosted, settings: InjectedSettings, accounts: InjectedAccounts, session: InjectedSession
) -> Response[Any]:
    """Delete the account and everything of it, on proof of the password."""
    try:
        await accounts.registry.confirm_password(
            posted.identity.account_id,
            posted.fields.get("current_password"),
            address=address_of(posted.request, settings),
        )
    except (InvalidRequest, LimitReached) as error:
        page = await _page(accounts, posted.identity, session, error=error, section="delete")
        return posted.renderer.page(page, status=describe(error).status)
    await accounts.deletion.delete(posted.identity.account_id)
    response = posted.see_other("/")
    response.set_cookie(session_cookie(settings, "", max_age_s=0))
    return response


def _number(request: PageRequest, name: str) -> int:
    """Read a page number from the query; an invalid one is 1."""
    text = request.query_params.get(name, "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= 5
    return min(max(int(text), 1), MAX_PAGE) if is_number else 1


async def _page(
    accounts: AccountServices,
    identity: Identity,
    session: SignedIn | None,
    *,
    done: str | None = None,
    new_token: str | None = None,
    error: ProductError | None = None,
    section: Section | None = None,
    listed: Listed = FIRST,
) -> AccountPage:
    account_id = identity.account_id
    tokens = await accounts.tokens.list(account_id, limit=PER_PAGE, offset=(listed.tokens - 1) * PER_PAGE)
    sessions = await accounts.sessions.list(
        account_id, limit=PER_PAGE, offset=(listed.sessions - 1) * PER_PAGE
    )
    return AccountPage(
        chrome=Chrome("account", identity),
        account=await accounts.registry.get(account_id),
        usage=await accounts.usage.of(account_id, identity.tier),
        ledger=tuple(await accounts.aura.ledger(account_id, limit=LEDGER_LINES)),
        tokens=tokens,
        sessions=sessions,
        token_pages=Pages(listed.tokens, await accounts.tokens.count(account_id)),
        session_pages=Pages(listed.sessions, await accounts.sessions.count(account_id)),
        session_id=session.session_id if session else None,
        done=done,
        new_token=new_token,
        error=error.message if error else None,
        error_section=section,
        error_field=error.field if isinstance(error, InvalidRequest) else None,
    )


ACCOUNT_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    show_account,
    create_token,
    revoke_token,
    change_password,
    revoke_session,
    revoke_other_sessions,
    export_account,
    export_data,
    delete_account,
)
