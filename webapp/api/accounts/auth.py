"""`/api/auth`: registration and tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from litestar import Controller, Request, delete, get, post
from litestar.params import FromPath

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedAddress, InjectedIdentity
from webapp.api.accounts.schemas import NewToken, RegisterBody, Registered, Token, TokenBody, TokenList
from webapp.api.shared.paging import PAGING, WHOLE, Page, PerPage, has_more, offset
from webapp.api.shared.timestamps import timestamp
from webapp.http.dependencies import InjectedAccounts
from webapp.http.openapi import BEARER_SECURITY, describes, problems, reads
from webapp.http.rate_limit import announce, told
from webapp.http.requests.body import read_json_object
from webapp.http.requests.query import only
from webapp.policy.accounts.credentials import checked_label
from webapp.services.shared.rate_limits import LimitUsage

AnyRequest = Request[Any, Any, Any]


class AuthController(Controller):
    """Accounts and their bearer tokens."""

    path = "/api/auth"
    tags = ("Accounts",)
    dependencies = AUTHENTICATION

    @post(
        "/register",
        summary="Make an account",
        operation_class=reads(RegisterBody),
        responses=problems(400, 403, 408, 409, 413, 415, 429),
    )
    async def register(
        self, request: AnyRequest, accounts: InjectedAccounts, address: InjectedAddress
    ) -> Registered:
        """It has the tier `free` and no Aura."""

        async def usage() -> Sequence[LimitUsage]:
            return [await accounts.registry.registration_usage(address)]

        async with _announced(request, usage):
            body = await read_json_object(request)
            identity = await accounts.registry.register(
                body.get("username"), body.get("password"), address=address
            )
        return Registered(identity.username, identity.tier)

    @post(
        "/token",
        summary="Get a token",
        operation_class=reads(TokenBody),
        responses=problems(400, 401, 408, 409, 413, 415, 429),
    )
    async def create_token(
        self, request: AnyRequest, accounts: InjectedAccounts, address: InjectedAddress
    ) -> NewToken:
        """Exchange a username and password for a token, which is shown this once."""
        body: dict[str, Any] = {}

        async def usage() -> Sequence[LimitUsage]:
            return await accounts.registry.sign_in_usage(body.get("username"), address)

        async with _announced(request, usage):
            body.update(await read_json_object(request))
            label = checked_label(body.get("label"))
            identity = await accounts.registry.authenticate(
                body.get("username"), body.get("password"), address=address
            )
        secret, token = await accounts.tokens.create(identity.account_id, label)
        created = timestamp(token.created_ms)
        return NewToken(token=secret, label=token.label or None, created=created, created_at=created)

    @get(
        "/tokens",
        summary="The account's tokens",
        before_request=only(*PAGING),
        security=BEARER_SECURITY,
        operation_class=describes(),
        responses=problems(400, 401, 429),
    )
    async def list_tokens(
        self,
        accounts: InjectedAccounts,
        identity: InjectedIdentity,
        page: Page = 1,
        per_page: PerPage = WHOLE,
    ) -> TokenList:
        """Newest first, without the tokens themselves, which are not kept."""
        account_id = identity.account_id
        found = await accounts.tokens.list(account_id, limit=per_page, offset=offset(page, per_page))
        total = await accounts.tokens.count(account_id)
        tokens = tuple(Token.of(token) for token in found)
        return TokenList(tokens, tokens, page, per_page, total, has_more(page, per_page, total))

    @delete(
        "/tokens/{token_id:int}",
        summary="Revoke a token",
        security=BEARER_SECURITY,
        operation_class=describes(),
        responses=problems(401, 404, 429),
    )
    async def revoke_token(
        self, token_id: FromPath[int], accounts: InjectedAccounts, identity: InjectedIdentity
    ) -> None:
        """End a token at once; it may be the one that was sent."""
        await accounts.tokens.revoke(identity.account_id, token_id)


@asynccontextmanager
async def _announced(
    request: AnyRequest, usage: Callable[[], Awaitable[Sequence[LimitUsage]]]
) -> AsyncIterator[None]:
    """Announce what is left of the limits with the response, even if it is an error."""
    try:
        yield
    finally:
        announce(request, *map(told, await usage()))
