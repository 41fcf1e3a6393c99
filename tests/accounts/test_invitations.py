"""Invitations: one account each, whoever asks at once, and nothing after they ended."""

import asyncio

import pytest

from tests.accounts.fakes import PASSWORD
from webapp.clock import ManualClock
from webapp.errors import Conflict, InvalidRequest, LimitReached, NotAuthorized, NotFound
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.invitations import LIFETIME_MS, MAX_OPEN, Invitations
from webapp.services.accounts.sign_in_limits import TAKEN_NAMES_PER_ADDRESS
from webapp.settings import Settings
from webapp.tables import Invitation

HERE = "10.0.0.2"


async def issue(invitations: Invitations, username: str = "", tier: str = "premium") -> str:
    secret, _ = await invitations.issue(username, tier, author="root")
    return secret


async def test_an_invitation_makes_one_account(invitations: Invitations, accounts: Accounts) -> None:
    secret = await issue(invitations)
    eve = await invitations.accept(secret, "Eve", PASSWORD, address=HERE)
    assert (eve.username, eve.tier, eve.is_admin) == ("Eve", "premium", False)
    assert await accounts.authenticate("eve", PASSWORD, address=HERE) == eve
    assert await invitations.find(secret) is None
    with pytest.raises(NotAuthorized):
        await invitations.accept(secret, "Mallory", PASSWORD, address=HERE)
    assert [account.username for account in await accounts.list()] == ["Eve"]


class TestWhereRegistrationIsClosed:
    @pytest.fixture
    def settings(self) -> Settings:
        return Settings(registration="closed")

    async def test_an_invitation_is_the_way_in(self, invitations: Invitations, accounts: Accounts) -> None:
        with pytest.raises(NotAuthorized, match="Registration is closed"):
            await accounts.register("Max", PASSWORD, address=HERE)
        eve = await invitations.accept(await issue(invitations), "Eve", PASSWORD, address=HERE)
        assert await accounts.authenticate("Eve", PASSWORD, address=HERE) == eve


async def test_an_invitation_by_name_is_for_that_name(invitations: Invitations) -> None:
    secret = await issue(invitations, "Eve")
    assert (await invitations.accept(secret, "Mallory", PASSWORD, address=HERE)).username == "Eve"


async def test_an_invitation_whose_name_was_taken_meanwhile_is_over(
    invitations: Invitations, accounts: Accounts
) -> None:
    """The guest can choose no other, so the page says to ask for a new one."""
    secret = await issue(invitations, "Eve")
    await accounts.register("eve", PASSWORD, address=HERE)
    for _ in range(TAKEN_NAMES_PER_ADDRESS + 1):
        with pytest.raises(NotAuthorized):
            await invitations.accept(secret, None, PASSWORD, address=HERE)


async def test_only_a_hash_is_stored(invitations: Invitations) -> None:
    secret = await issue(invitations, "Eve")
    assert secret not in str(await Invitation.select())


@pytest.mark.parametrize("username", ["", "Eve"])
async def test_of_many_guests_at_once_one_is_let_in(
    invitations: Invitations, accounts: Accounts, username: str
) -> None:
    secret = await issue(invitations, username)
    outcomes = await asyncio.gather(
        *(invitations.accept(secret, f"eve{number}", PASSWORD, address=HERE) for number in range(8)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Identity"] + ["NotAuthorized"] * 7
    assert len(await accounts.list()) == 1


async def test_a_withdrawal_and_a_guest_at_once_agree(invitations: Invitations, accounts: Accounts) -> None:
    for number in range(8):
        secret, made = await invitations.issue("", "free", author="root")
        withdrawn, accepted = await asyncio.gather(
            invitations.withdraw(made.invitation_id),
            invitations.accept(secret, f"eve{number}", PASSWORD, address=HERE),
            return_exceptions=True,
        )
        is_withdrawn = isinstance(withdrawn, str)
        assert is_withdrawn == isinstance(accepted, NotAuthorized)
        assert isinstance(accepted, Identity) == isinstance(withdrawn, NotFound)


async def test_it_expires(invitations: Invitations, clock: ManualClock, accounts: Accounts) -> None:
    secret = await issue(invitations, "Eve")
    clock.advance_s(LIFETIME_MS / 1000 - 1)
    assert await invitations.find(secret) is not None
    clock.advance_s(1)
    assert await invitations.find(secret) is None
    assert await invitations.open() == ()
    with pytest.raises(NotAuthorized):
        await invitations.accept(secret, "Eve", PASSWORD, address=HERE)
    assert await accounts.list() == ()
    await issue(invitations, "Eve")
    assert await Invitation.count() == 1


@pytest.mark.parametrize("secret", ["", "guess", "\0", "\ud800"])
async def test_nothing_else_opens_it(invitations: Invitations, accounts: Accounts, secret: str) -> None:
    await issue(invitations)
    assert await invitations.find(secret) is None
    with pytest.raises(NotAuthorized):
        await invitations.accept(secret, "Eve", PASSWORD, address=HERE)
    assert await accounts.list() == ()


async def test_a_mistake_leaves_it_open(invitations: Invitations, ada: Identity) -> None:
    secret = await issue(invitations)
    for name, password in (("x", PASSWORD), ("Eve", "short"), (None, PASSWORD)):
        with pytest.raises(InvalidRequest):
            await invitations.accept(secret, name, password, address=HERE)
    with pytest.raises(Conflict):
        await invitations.accept(secret, "ADA", PASSWORD, address=HERE)
    assert (await invitations.accept(secret, "Eve", PASSWORD, address=HERE)).username == "Eve"


async def test_it_cannot_be_used_to_list_accounts(invitations: Invitations, ada: Identity) -> None:
    secret = await issue(invitations)
    for _ in range(TAKEN_NAMES_PER_ADDRESS):
        with pytest.raises(Conflict):
            await invitations.accept(secret, "ada", PASSWORD, address=HERE)
    with pytest.raises(LimitReached):
        await invitations.accept(secret, "ada", PASSWORD, address=HERE)
    assert (await invitations.accept(secret, "Eve", PASSWORD, address="10.9.0.1")).username == "Eve"


async def test_what_cannot_be_accepted_is_not_issued(invitations: Invitations, ada: Identity) -> None:
    await issue(invitations, "Eve")
    for name, tier, error in (
        ("x", "free", InvalidRequest), ("Eve2", "king", InvalidRequest), ("ADA", "free", Conflict),
        ("eve", "free", Conflict),
    ):  # fmt: skip
        with pytest.raises(error):
            await issue(invitations, name, tier)
    assert [view.username for view in await invitations.open()] == ["Eve"]


async def test_their_number_is_bounded(invitations: Invitations) -> None:
    for _ in range(MAX_OPEN):
        await issue(invitations)
    with pytest.raises(InvalidRequest, match="At most"):
        await issue(invitations)


@pytest.mark.parametrize("invitation_id", [0, -1, 7, 2**63, 2**70])
async def test_what_is_not_there_cannot_be_withdrawn(invitations: Invitations, invitation_id: int) -> None:
    with pytest.raises(NotFound):
        await invitations.withdraw(invitation_id)
