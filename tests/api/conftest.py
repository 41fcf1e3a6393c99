"""The whole application over each database, asked as a program would ask."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from tests.api.client import Connection, Hand, User
from tests.factories import MakeAccount
from tests.shared_app import shared_app
from webapp.services.container import Services

MakeUser = Callable[..., Awaitable[User]]
Connect = Callable[..., Connection]


@pytest.fixture
def app(services: Services) -> Litestar:
    return shared_app(services)


def _client(app: Litestar, token: str | None = None) -> httpx.AsyncClient:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    transport = httpx.ASGITransport(cast("Any", app))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)


@pytest.fixture
async def anybody(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token."""
    async with _client(app) as client:
        yield client


@pytest.fixture
async def make_user(services: Services, app: Litestar, make_account: MakeAccount) -> AsyncIterator[MakeUser]:
    """Makes accounts with tokens: the arguments of `make_account`."""
    made: list[httpx.AsyncClient] = []

    async def make(name: str = "ann", **options: Any) -> User:
        identity = await make_account(name, **options)
        token, _ = await services.accounts.tokens.create(identity.account_id)
        client = _client(app, token)
        made.append(client)
        return User(identity, token, client)

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
async def ann(make_user: MakeUser) -> User:
    """An account of the tier creator with 50 Aura."""
    return await make_user("ann", aura=50)


@pytest.fixture
def hand(services: Services) -> Hand:
    return Hand(services)


@pytest.fixture
def connect(app: Litestar) -> Connect:
    """Opens connections: `connect("/job/…/events", user)`."""

    def connect(path: str, user: User | None = None) -> Connection:
        return Connection(app, path, {"authorization": f"Bearer {user.token}"} if user else {})

    return connect
