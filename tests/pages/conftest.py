"""A browser without a screen: the whole application, asked as a browser would ask."""

import dataclasses
from collections.abc import AsyncIterator
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar

from tests.library.conftest import make_sound  # noqa: F401 a fixture, found by its name here
from tests.shared_app import shared_app
from tests.speech.conftest import answered, engine, speaking  # noqa: F401 fixtures, found by their names here
from webapp.http.requests.session_cookie import PLAIN_COOKIE
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.passwords import Argon2Hash, PasswordHasher
from webapp.services.container import Services

BROWSER = {"accept": "text/html,*/*;q=0.8", "sec-fetch-site": "same-origin"}


@pytest.fixture
def services(services: Services) -> Services:
    """The services, with a password hash that is quick."""
    hasher = PasswordHasher(Argon2Hash(memory_kib=64, passes=1))
    accounts = Accounts(
        services.database, services.clock, services.settings, services.shared.rate_limits, hasher
    )
    return dataclasses.replace(services, accounts=dataclasses.replace(services.accounts, registry=accounts))


@pytest.fixture
def app(services: Services) -> Litestar:
    return shared_app(services)


@pytest.fixture
async def browser(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """Nobody is signed in; redirects are not followed."""
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(cast("Any", app)), base_url="http://localhost", headers=BROWSER
    ) as client:
        yield client


@pytest.fixture
async def ann(services: Services) -> Identity:
    """An account of the tier creator."""
    identity = await services.accounts.registry.register("ann", "correct horse", address="test")
    await services.accounts.registry.set_tier(identity.account_id, "creator")
    return dataclasses.replace(identity, tier="creator")


@pytest.fixture
async def ann_browser(browser: httpx.AsyncClient, services: Services, ann: Identity) -> httpx.AsyncClient:
    """Ann is signed in."""
    browser.cookies.set(PLAIN_COOKIE, await services.accounts.sessions.create(ann.account_id))
    return browser


@pytest.fixture
async def root(services: Services) -> Identity:
    identity = await services.accounts.registry.register("root", "correct horse", address="test")
    await services.accounts.registry.set_admin(identity.account_id, is_admin=True)
    return (await services.accounts.registry.get(identity.account_id)).identity


@pytest.fixture
async def root_browser(browser: httpx.AsyncClient, services: Services, root: Identity) -> httpx.AsyncClient:
    browser.cookies.set(PLAIN_COOKIE, await services.accounts.sessions.create(root.account_id))
    return browser
