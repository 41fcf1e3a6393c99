"""`/api/me`: the account of the request's token."""

from litestar import get

from webapp.api.accounts.authentication import AUTHENTICATION, InjectedIdentity
from webapp.api.accounts.schemas import Me
from webapp.http.dependencies import InjectedAccounts
from webapp.http.openapi import BEARER_SECURITY, describes, problems


@get(
    "/api/me",
    summary="The account itself",
    tags=["Accounts"],
    security=BEARER_SECURITY,
    dependencies=AUTHENTICATION,
    operation_class=describes(),
    responses=problems(401, 429),
)
async def me(accounts: InjectedAccounts, identity: InjectedIdentity) -> Me:
    """The account, its limits and what is used of them."""
    account = await accounts.registry.get(identity.account_id)
    return Me.of(account, await accounts.usage.of(identity.account_id, identity.tier))
