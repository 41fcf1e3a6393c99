"""Who is asking, over the JSON API: a bearer token and nothing else."""

from typing import Any, Final, TypeAlias

from litestar import Request
from litestar.di import NamedDependency, Provide
from litestar.params import SkipValidation

from webapp.errors import AuthenticationRequired
from webapp.http.client_address import address_of
from webapp.http.dependencies import InjectedServices
from webapp.http.rate_limit import announce, told
from webapp.services.container import Services
from webapp.services.identity import Identity

SCHEME: Final = "bearer"
MAX_TOKEN_CHARACTERS: Final = 256

# What handlers ask for by the name `identity`, and by the name `address`.
InjectedIdentity: TypeAlias = NamedDependency[SkipValidation[Identity]]
InjectedAddress: TypeAlias = NamedDependency[SkipValidation[str]]


async def provide_identity(request: Request[Any, Any, Any], services: InjectedServices) -> Identity:
    """The account behind `Authorization: Bearer …`.

    Raises AuthenticationRequired, and LimitReached after too many wrong tokens from one address; a
    right token is let in even then.
    """
    token = bearer_token(request.headers.get("authorization", ""))
    identity = await services.tokens.identity_for(token) if token else None
    if identity is None:
        await _refuse(request, services, is_guess=token is not None)
        raise AuthenticationRequired
    return identity


async def _refuse(request: Request[Any, Any, Any], services: Services, *, is_guess: bool) -> None:
    address = address_of(request, services.settings)
    try:
        if is_guess:
            await services.misses.wrong_token(address)
    finally:
        announce(request, told(await services.misses.token_usage(address)))


def provide_address(request: Request[Any, Any, Any], services: InjectedServices) -> str:
    """The client address, as `address_of` finds it."""
    return address_of(request, services.settings)


def bearer_token(authorization: str) -> str | None:
    """The token in an Authorization header, or None."""
    scheme, _, token = authorization.partition(" ")
    token = token.strip()
    return token if scheme.lower() == SCHEME and 0 < len(token) <= MAX_TOKEN_CHARACTERS else None


# For routers and controllers whose handlers take `address`, and those that take `identity` as well.
ADDRESS: Final = {"address": Provide(provide_address, sync_to_thread=False)}
AUTHENTICATION: Final = {"identity": Provide(provide_identity), **ADDRESS}
