"""Account services over each database, with a password hash that is quick and counts its calls."""

import hashlib
import threading
from collections import Counter

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.ids import SeededIds
from webapp.services.accounts import Accounts
from webapp.services.aura import Aura
from webapp.services.identity import Identity
from webapp.services.passwords import PasswordHasher
from webapp.services.sessions import Sessions
from webapp.services.setup_links import SetupLinks
from webapp.services.throttle import Throttle
from webapp.services.tokens import Tokens
from webapp.settings import Settings

PASSWORD = "correct horse"


class CountingHash:
    """Stores passwords as `version:digest`; remembers what it was asked, and how much at once."""

    def __init__(self) -> None:
        self.version = 1
        self.calls = Counter[str]()
        self.verified: list[str] = []
        self.most_at_once = 0
        self._running = 0
        self._lock = threading.Lock()

    def hash(self, password: str) -> str:
        self._count("hash")
        return f"{self.version}:{_digest(password)}"

    def verify(self, stored: str, password: str) -> bool:
        with self._lock:
            self._running += 1
            self.most_at_once = max(self.most_at_once, self._running)
        self._count("verify")
        self.verified.append(stored)
        with self._lock:
            self._running -= 1
        return stored.partition(":")[2] == _digest(password)

    def needs_rehash(self, stored: str) -> bool:
        return not stored.startswith(f"{self.version}:")

    def decoy(self) -> str:
        return "decoy"

    def _count(self, name: str) -> None:
        with self._lock:
            self.calls[name] += 1


def _digest(password: str) -> str:
    return hashlib.sha256(password.encode("utf-8", "surrogatepass")).hexdigest()


@pytest.fixture
def slow_hash() -> CountingHash:
    return CountingHash()


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def throttle(database: Database, clock: ManualClock) -> Throttle:
    return Throttle(database, clock)


@pytest.fixture
def accounts(
    database: Database, clock: ManualClock, settings: Settings, throttle: Throttle, slow_hash: CountingHash
) -> Accounts:
    return Accounts(database, clock, settings, throttle, PasswordHasher(slow_hash))


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
async def ada(accounts: Accounts) -> Identity:
    """An account named Ada, with PASSWORD."""
    return await accounts.register("Ada", PASSWORD, address="10.0.0.1")
