"""The first admin's account."""

import asyncio

import pytest

from tests.accounts.fakes import PASSWORD
from webapp.errors import Conflict, InvalidRequest, NotAuthorized
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.setup_links import SetupLinks


async def _link(setup_links: SetupLinks) -> str:
    secret = await setup_links.renew()
    assert secret is not None
    return secret


async def test_the_link_makes_an_admin_once(setup_links: SetupLinks, accounts: Accounts) -> None:
    secret = await _link(setup_links)
    assert await setup_links.is_open(secret)
    root = await setup_links.claim(secret, "root", PASSWORD)
    assert (root.is_admin, root.tier) == (True, "admin")
    assert await accounts.authenticate("root", PASSWORD, address="10.0.0.1") == root
    assert not await setup_links.is_open(secret)
    with pytest.raises(NotAuthorized):
        await setup_links.claim(secret, "other", PASSWORD)
    assert await setup_links.renew() is None


async def test_each_start_voids_the_link_before(setup_links: SetupLinks) -> None:
    first, second = await _link(setup_links), await _link(setup_links)
    assert not await setup_links.is_open(first)
    with pytest.raises(NotAuthorized):
        await setup_links.claim(first, "root", PASSWORD)
    await setup_links.claim(second, "root", PASSWORD)


@pytest.mark.parametrize("secret", ["", "guess", "\0", "\ud800"])
async def test_nothing_else_opens_it(setup_links: SetupLinks, accounts: Accounts, secret: str) -> None:
    await _link(setup_links)
    assert not await setup_links.is_open(secret)
    with pytest.raises(NotAuthorized):
        await setup_links.claim(secret, "root", PASSWORD)
    assert await accounts.list() == ()


async def test_a_mistake_leaves_the_link_open(setup_links: SetupLinks, ada: Identity) -> None:
    secret = await _link(setup_links)
    with pytest.raises(InvalidRequest):
        await setup_links.claim(secret, "root", "short")
    with pytest.raises(Conflict):
        await setup_links.claim(secret, "ADA", PASSWORD)
    assert (await setup_links.claim(secret, "root", PASSWORD)).is_admin


async def test_of_many_claims_at_once_one_counts(setup_links: SetupLinks, accounts: Accounts) -> None:
    secret = await _link(setup_links)
    outcomes = await asyncio.gather(
        *(setup_links.claim(secret, f"root{number}", PASSWORD) for number in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Identity"] + ["NotAuthorized"] * 7
    assert len(await accounts.list()) == 1


async def test_an_admin_made_elsewhere_voids_it(
    setup_links: SetupLinks, accounts: Accounts, ada: Identity
) -> None:
    secret = await _link(setup_links)
    await accounts.set_admin(ada.account_id, is_admin=True)
    assert not await setup_links.is_open(secret)
    with pytest.raises(NotAuthorized):
        await setup_links.claim(secret, "root", PASSWORD)


async def test_with_no_admin_who_can_sign_in_there_is_a_link_again(
    setup_links: SetupLinks, accounts: Accounts, ada: Identity
) -> None:
    await accounts.set_admin(ada.account_id, is_admin=True)
    assert await setup_links.renew() is None
    await accounts.disable(ada.account_id)
    assert await setup_links.is_open(await _link(setup_links))
