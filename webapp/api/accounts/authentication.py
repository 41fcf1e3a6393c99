"""Authentication of the JSON API: a bearer token and nothing else."""

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from webapp.errors import AuthenticationRequired
from webapp.events import Bus
from webapp.http.dependencies import InjectedAccounts, InjectedBus, InjectedSettings
from webapp.http.rate_limit import announce, told
from webapp.http.requests.client_address import address_of
from webapp.http.requests.session_cookie import session_secret
from webapp.http.streams.welcome import Welcome
from webapp.services.accounts.facade import AccountServices
from webapp.services.accounts.identity import Identity
from webapp.settings import Settings

SCHEME: Final = "bearer"
KEY_HEADER: Final = "xi-api-key"
MAX_TOKEN_CHARACTERS: Final = 256


@dataclass(frozen=True, slots=True)
class Reader:
    """The reader of an event stream, and the check that they still have access."""

    identity: Identity
    welcome: Welcome


# The types of the dependencies `identity`, `reader` and `address`.
InjectedIdentity: TypeAlias = NamedDependency[SkipValidation[Identity]]
InjectedReader: TypeAlias = NamedDependency[SkipValidation[Reader]]
InjectedAddress: TypeAlias = NamedDependency[SkipValidation[str]]


async def provide_identity(
    request: Request[Any, Any, Any], settings: InjectedSettings, accounts: InjectedAccounts
) -> Identity:
    """Return the account behind `Authorization: Bearer …`.

    Raises AuthenticationRequired, and LimitReached after too many wrong tokens from one address; a valid
    token is accepted even then.
    """
    return await _identity_of(
        bearer_token(request.headers.get("authorization", "")), request, settings, accounts
    )


async def provide_key_identity(
    request: Request[Any, Any, Any], settings: InjectedSettings, accounts: InjectedAccounts
) -> Identity:
    """Return the account behind `xi-api-key` or, without one, behind `Authorization`.

    Only for the routes of ElevenLabs' API. Raises as `provide_identity` does.
    """
    return await _identity_of(sent_token(request), request, settings, accounts)


def sent_token(request: Request[Any, Any, Any]) -> str | None:
    """Return the token in `xi-api-key` or, without one, in `Authorization`."""
    key = request.headers.get(KEY_HEADER)
    if key is None:
        return bearer_token(request.headers.get("authorization", ""))
    return key.strip() if 0 < len(key.strip()) <= MAX_TOKEN_CHARACTERS else None


async def _identity_of(
    token: str | None, request: Request[Any, Any, Any], settings: Settings, accounts: AccountServices
) -> Identity:
    identity = await accounts.tokens.identity_for(token) if token else None
    if identity is None:
        await _refuse(request, settings, accounts, is_guess=token is not None)
        raise AuthenticationRequired
    return identity


def token_welcome(
    request: Request[Any, Any, Any], bus: Bus, accounts: AccountServices, identity: Identity
) -> Welcome:
    """Return a check that the request's token is still valid for this account, with the same rights."""
    return welcome_of(bearer_token(request.headers.get("authorization", "")), bus, accounts, identity)


def welcome_of(token: str | None, bus: Bus, accounts: AccountServices, identity: Identity) -> Welcome:
    """Return a check that a token is still valid for this account, with the same rights."""

    async def holds() -> bool:
        owner = await accounts.tokens.owner(token) if token else None
        return _is_same(owner, identity)

    return Welcome(bus, identity.account_id, holds)


async def provide_event_reader(
    request: Request[Any, Any, Any], settings: InjectedSettings, bus: InjectedBus, accounts: InjectedAccounts
) -> Reader:
    """Return the account behind the token or, for a request of one's own page without one, the session.

    A browser's EventSource cannot send a token. Raises as `provide_identity` does.
    """
    secret = session_secret(request, settings)
    if "authorization" not in request.headers and secret is not None and _is_from_own_page(request):
        owner = await accounts.sessions.identity_for(secret)
        if owner is not None:
            return Reader(owner, _session_welcome(bus, accounts, secret, owner))
    identity = await provide_identity(request, settings, accounts)
    return Reader(identity, token_welcome(request, bus, accounts, identity))


def _session_welcome(bus: Bus, accounts: AccountServices, secret: str, owner: Identity) -> Welcome:
    async def holds() -> bool:
        return _is_same(await accounts.sessions.identity_for(secret), owner)

    return Welcome(bus, owner.account_id, holds)


def _is_same(owner: Identity | None, identity: Identity) -> bool:
    # A changed tier does not end access.
    return owner is not None and (owner.account_id, owner.is_admin) == (
        identity.account_id,
        identity.is_admin,
    )


def _is_from_own_page(request: Request[Any, Any, Any]) -> bool:
    """Check that no other site made the request. Browsers send `Origin` with a GET only to other sites."""
    site = request.headers.get("sec-fetch-site")
    return site in {"same-origin", "none"} or (site is None and "origin" not in request.headers)


async def _refuse(
    request: Request[Any, Any, Any], settings: Settings, accounts: AccountServices, *, is_guess: bool
) -> None:
    address = address_of(request, settings)
    try:
        if is_guess:
            await accounts.guessing_limits.wrong_token(address)
    finally:
        announce(request, told(await accounts.guessing_limits.token_usage(address)))


def provide_address(request: Request[Any, Any, Any], settings: InjectedSettings) -> str:
    """Return the client address; see `address_of`."""
    return address_of(request, settings)


def bearer_token(authorization: str) -> str | None:
    """Return the token in an Authorization header, or None."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == SCHEME and 0 < len(token) <= MAX_TOKEN_CHARACTERS else None


# Dependencies for handlers that take `address`, and for those that take `identity` as well.
ADDRESS: Final = {"address": Provide(provide_address, sync_to_thread=False)}
AUTHENTICATION: Final = {"identity": Provide(provide_identity), **ADDRESS}
# For ElevenLabs' routes.
KEY_AUTHENTICATION: Final = {"identity": Provide(provide_key_identity), **ADDRESS}
