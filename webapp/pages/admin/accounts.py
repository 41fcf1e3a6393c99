"""Accounts, as admins see and change them."""

from dataclasses import replace
from typing import Any, Final
from urllib.parse import urlencode

from litestar import Response, get, post
from litestar.params import FromPath
from litestar.types import ControllerRouterHandler

from webapp.errors import Conflict, InvalidRequest, ProductError
from webapp.http.dependencies import InjectedAccounts, InjectedAdministration
from webapp.http.errors import describe
from webapp.pages.admin.access import ADMIN_DEPENDENCIES, InjectedAdmin, admin_chrome, page_number
from webapp.pages.admin.contexts import AccountDetailPage, AccountsPage, NewForm, Refused
from webapp.pages.frame.answers import ask, is_confirmed
from webapp.pages.frame.forms import Fields
from webapp.pages.frame.navigation import PageRequest
from webapp.pages.frame.posted import InjectedPosted, Posted
from webapp.pages.frame.rendering import InjectedRenderer
from webapp.pages.frame.texts import N_, Texts, _, translated
from webapp.policy.accounts.credentials import MAX_USERNAME_CHARACTERS
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.services.admin.accounts import MAX_SEARCH_CHARACTERS
from webapp.services.admin.facade import AdminServices

LEDGER_LINES: Final = 20
RECORD_LINES: Final = 20
DONE: Final = Texts(
    {
        "tier": N_("Tier changed. Jobs in the queue keep their places."),
        "admin": N_("Rights changed."),
        "disable": N_("Account disabled. Its sessions ended and its tokens no longer work."),
        "enable": N_("Account enabled."),
    }
)
# What is asked before: question, what it means, what the button does, and its opposite.
QUESTIONS: Final = {
    "admin": (
        N_("Make %(username)s an admin?"),
        N_("Admins see everyone’s prompts and can change everything."),
        N_("Make admin"),
        N_("Leave without admin rights"),
    ),
    "no-admin": (
        N_("Remove %(username)s’s admin rights?"),
        N_("The account itself stays as it is."),
        N_("Remove admin rights"),
        N_("Keep admin rights"),
    ),
    "disable": (
        N_("Disable %(username)s?"),
        N_("All sessions end and all tokens stop working. The sounds stay."),
        N_("Disable account"),
        N_("Leave enabled"),
    ),
    "delete": (
        N_("Delete %(username)s?"),
        N_("Jobs, sounds, tokens and Aura of this account are deleted at once. You cannot undo this."),
        N_("Delete account"),
        N_("Keep account"),
    ),
    "reset": (
        N_("Give %(username)s a new password?"),
        N_("The old password stops working and all sessions end."),
        N_("Reset password"),
        N_("Keep the old password"),
    ),
}


@get("/admin", dependencies=ADMIN_DEPENDENCIES)
async def show_accounts(
    request: PageRequest,
    administration: InjectedAdministration,
    renderer: InjectedRenderer,
    admin: InjectedAdmin,
) -> Response[Any]:
    """Accounts by name."""
    text = request.query_params.get("q", "").strip()[:MAX_SEARCH_CHARACTERS]
    tier = request.query_params.get("tier", "")
    asked = urlencode({name: value for name, value in (("q", text), ("tier", tier)) if value})
    page = await accounts_page(
        administration,
        admin,
        text=text,
        tier=tier,
        page=page_number(request),
        base=f"/admin?{asked}&" if asked else "/admin?",
        deleted=request.query_params.get("deleted", "")[:MAX_USERNAME_CHARACTERS],
    )
    return renderer.page(page)


@post("/admin/accounts", dependencies=ADMIN_DEPENDENCIES)
async def create_account(
    posted: InjectedPosted, accounts: InjectedAccounts, administration: InjectedAdministration
) -> Response[Any]:
    """Create an account. Its password is in this answer only, so there is no redirect."""
    name, tier = posted.fields.get("username", ""), posted.fields.get("tier", "")
    try:
        account, password = await administration.accounts.create(posted.identity, name, tier)
    except (InvalidRequest, Conflict) as error:
        return await not_made(posted, administration, "account", error)
    return posted.renderer.page(
        await _page(
            accounts,
            administration,
            posted.identity,
            account.username,
            done=_("Account created"),
            new_password=password,
        )
    )


@post("/admin/accounts/{username:str}/delete", dependencies=ADMIN_DEPENDENCIES)
async def delete_account(
    posted: InjectedPosted, administration: InjectedAdministration, username: FromPath[str]
) -> Response[Any]:
    """Delete an account and all that belongs to it."""
    if not is_confirmed(posted.fields):
        return _ask(posted, username, "delete", "delete")
    await administration.accounts.delete(posted.identity, username)
    return posted.see_other(f"/admin?{urlencode({'deleted': username})}")


@get("/admin/accounts/{username:str}", dependencies=ADMIN_DEPENDENCIES)
async def show_one(
    request: PageRequest,
    username: FromPath[str],
    accounts: InjectedAccounts,
    administration: InjectedAdministration,
    renderer: InjectedRenderer,
    admin: InjectedAdmin,
) -> Response[Any]:
    """One account: what it uses, its Aura, and what admins did to it."""
    done = request.query_params.get("done", "")
    page = await _page(accounts, administration, admin, username, done=DONE.get(done))
    return renderer.page(replace(page, done=_granted(page, admin)) if done == "aura" else page)


@post("/admin/accounts/{username:str}/tier", dependencies=ADMIN_DEPENDENCIES)
async def change_tier(
    posted: InjectedPosted, administration: InjectedAdministration, username: FromPath[str]
) -> Response[Any]:
    """Give an account another tier."""
    await administration.accounts.set_tier(posted.identity, username, posted.fields.get("tier", ""))
    return posted.see_other(f"/admin/accounts/{username}?done=tier")


@post("/admin/accounts/{username:str}/rights", dependencies=ADMIN_DEPENDENCIES)
async def change_rights(
    posted: InjectedPosted, administration: InjectedAdministration, username: FromPath[str]
) -> Response[Any]:
    """Make an account an admin, disable it, or take either back."""
    change = posted.fields.get("change", "")
    if change in QUESTIONS and not is_confirmed(posted.fields):
        return _ask(posted, username, change, "rights")
    accounts = administration.accounts
    match change:
        case "admin" | "no-admin":
            await accounts.set_admin(posted.identity, username, is_admin=change == "admin")
        case "disable" | "enable":
            await accounts.set_disabled(posted.identity, username, is_disabled=change == "disable")
        case _:
            raise InvalidRequest(_("Choose what to change"))
    return posted.see_other(f"/admin/accounts/{username}?done={change.removeprefix('no-')}")


@post("/admin/accounts/{username:str}/password", dependencies=ADMIN_DEPENDENCIES)
async def reset_password(
    posted: InjectedPosted,
    accounts: InjectedAccounts,
    administration: InjectedAdministration,
    username: FromPath[str],
) -> Response[Any]:
    """Make a new password. It is in this answer only, so there is no redirect."""
    if not is_confirmed(posted.fields):
        return _ask(posted, username, "reset", "password")
    password = await administration.accounts.reset_password(posted.identity, username)
    return posted.renderer.page(
        await _page(accounts, administration, posted.identity, username, new_password=password)
    )


@post("/admin/accounts/{username:str}/aura", dependencies=ADMIN_DEPENDENCIES)
async def change_aura(
    posted: InjectedPosted,
    accounts: InjectedAccounts,
    administration: InjectedAdministration,
    username: FromPath[str],
) -> Response[Any]:
    """Give Aura, or take it away, with a reason."""
    try:
        await administration.accounts.grant(
            posted.identity, username, _amount(posted.fields), posted.fields.get("reason", "")
        )
    except InvalidRequest as error:
        page = await _page(
            accounts, administration, posted.identity, username, error=error, fields=posted.fields
        )
        return posted.renderer.page(page, status=describe(error).status)
    return posted.see_other(f"/admin/accounts/{username}?done=aura")


def _granted(page: AccountDetailPage, admin: Identity) -> str | None:
    """Say what an admin's last change of an account's Aura was, for whoever has just made it."""
    amount = next((entry.amount for entry in page.ledger if entry.author == admin.username), None)
    if amount is None:
        return None
    said = _("%(amount)s Aura granted.") if amount > 0 else _("%(amount)s Aura taken away.")
    return said % {"amount": f"{abs(amount):,}"}


def _amount(fields: Fields) -> int:
    text = fields.get("amount", "").strip()
    digits = text.removeprefix("-").removeprefix("+")
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 12):
        raise InvalidRequest(_("Amount must be a whole number"), field="amount")
    return int(text)


def _ask(posted: Posted, username: str, change: str, where: str) -> Response[str]:
    question, text, verb, opposite = (translated(marked) for marked in QUESTIONS[change])
    page = f"/admin/accounts/{username}"
    return ask(
        posted,
        question % {"username": username},
        text,
        verb=verb,
        opposite=opposite,
        action=f"{page}/{where}",
        section="admin",
        back=page,
    )


async def accounts_page(
    administration: AdminServices,
    admin: Identity,
    *,
    text: str = "",
    tier: str = "",
    page: int = 1,
    base: str = "/admin?",
    refused: Refused | None = None,
    deleted: str = "",
) -> AccountsPage:
    """Build the page of accounts and invitations."""
    return AccountsPage(
        admin_chrome(admin),
        await administration.accounts.find(admin, text=text, tier=tier, page=page),
        text,
        tier,
        base,
        invitations=await administration.invitations.list(admin),
        refused=refused,
        deleted=deleted,
    )


async def not_made(
    posted: Posted, administration: AdminServices, form: NewForm, error: InvalidRequest | Conflict
) -> Response[Any]:
    """Answer with the page of accounts, what was typed, and why nothing was made of it."""
    refused = Refused(
        form,
        posted.fields.get("username", ""),
        posted.fields.get("tier", ""),
        error.message,
        error_field=error.field if isinstance(error, InvalidRequest) else "username",
    )
    page = await accounts_page(administration, posted.identity, refused=refused)
    return posted.renderer.page(page, status=describe(error).status)


async def _page(
    accounts: AccountServices,
    administration: AdminServices,
    admin: Identity,
    username: str,
    *,
    done: str | None = None,
    new_password: str | None = None,
    error: ProductError | None = None,
    fields: Fields | None = None,
) -> AccountDetailPage:
    account = await administration.accounts.get(admin, username)
    return AccountDetailPage(
        chrome=admin_chrome(admin),
        account=account,
        usage=await accounts.usage.of(account.account_id, account.identity.tier),
        ledger=tuple(await accounts.aura.ledger(account.account_id, limit=LEDGER_LINES)),
        record=tuple(await administration.audit.entries(limit=RECORD_LINES, subject=account.username)),
        done=done,
        new_password=new_password,
        error=error.message if error else None,
        error_field=error.field if isinstance(error, InvalidRequest) else None,
        amount=(fields or {}).get("amount", ""),
        reason=(fields or {}).get("reason", ""),
    )


ACCOUNT_ADMIN_HANDLERS: Final[tuple[ControllerRouterHandler, ...]] = (
    show_accounts,
    create_account,
    delete_account,
    show_one,
    change_tier,
    change_rights,
    reset_password,
    change_aura,
)
