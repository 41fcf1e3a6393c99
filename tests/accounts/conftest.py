"""Account services over each database."""

import pytest

from tests.accounts.fakes import PASSWORD, CountingHash
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.ids import SeededIds
from webapp.services.accounts.accounts import Accounts
from webapp.services.accounts.aura import Aura
from webapp.services.accounts.identity import Identity
from webapp.services.accounts.invitations import Invitations
from webapp.services.accounts.passwords import PasswordHasher
from webapp.services.accounts.sessions import Sessions
from webapp.services.accounts.setup_links import SetupLinks
from webapp.services.accounts.sign_in_limits import AccountLimits
from webapp.services.accounts.tokens import Tokens
from webapp.services.admin.audit_log import AuditLog
from webapp.services.shared.rate_limits import RateLimits
from webapp.settings import Settings


@pytest.fixture
def slow_hash() -> CountingHash:
    return CountingHash()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def rate_limits(database: Database, clock: ManualClock) -> RateLimits:
    return RateLimits(database, clock)


@pytest.fixture
def accounts(
    database: Database,
    clock: ManualClock,
    settings: Settings,
    rate_limits: RateLimits,
    slow_hash: CountingHash,
) -> Accounts:
    return Accounts(database, clock, settings, rate_limits, PasswordHasher(slow_hash))


@pytest.fixture
def aura(database: Database, clock: ManualClock) -> Aura:
    return Aura(database, clock)


@pytest.fixture
def tokens(database: Database, clock: ManualClock, ids: SeededIds) -> Tokens:
    return Tokens(database, clock, ids)


@pytest.fixture
def sessions(database: Database, clock: ManualClock, ids: SeededIds) -> Sessions:
    return Sessions(database, clock, ids)


@pytest.fixture
def setup_links(database: Database, clock: ManualClock, ids: SeededIds, accounts: Accounts) -> SetupLinks:
    return SetupLinks(database, clock, ids, accounts)


@pytest.fixture
def invitations(
    database: Database,
    clock: ManualClock,
    ids: SeededIds,
    settings: Settings,
    rate_limits: RateLimits,
    accounts: Accounts,
) -> Invitations:
    return Invitations(
        database,
        clock,
        ids,
        accounts=accounts,
        limits=AccountLimits(settings, rate_limits),
        audit=AuditLog(database, clock),
    )


@pytest.fixture
async def ada(accounts: Accounts) -> Identity:
    """An account named Ada, with PASSWORD."""
    return await accounts.register("Ada", PASSWORD, address="10.0.0.1")
