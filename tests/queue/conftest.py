"""The queue's services over each database, with a clock that stands still."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from webapp.clock import ManualClock
from webapp.database import Database
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.services.container import Services, build_services
from webapp.services.identity import Identity
from webapp.services.leases import SoundFacts
from webapp.settings import Settings
from webapp.storage import LocalStorage
from webapp.tables import Account

MakeAccount = Callable[..., Awaitable[Identity]]

FACTS = SoundFacts(
    engine="sketch",
    engine_label="sketch: rule-based, no model",
    checkpoint="",
    license="",
    seed=7,
    duration_s=8.0,
    sample_rate=32_000,
    channels=2,
    loudness_lufs=-16.0,
    true_peak_dbtp=-1.5,
    quality_score=90,
    quality_reasons=(),
    peaks=(-1, 1),
    bytes_total=1000,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path), disk_reserve_mb=0)


@pytest.fixture
def services(
    settings: Settings, database: Database, clock: ManualClock, ids: SeededIds, tmp_path: Path
) -> Services:
    return build_services(settings, database, LocalBus(), LocalStorage(tmp_path), clock, ids)


@pytest.fixture
def make_account(services: Services) -> MakeAccount:
    """Makes accounts: `await make_account("ann", tier="creator", is_admin=False, aura=0)`."""

    async def make(
        name: str = "ann", *, tier: str = "creator", is_admin: bool = False, aura: int = 0
    ) -> Identity:
        async with services.database.transaction():
            rows = await Account.insert(
                Account(
                    username=name,
                    username_key=name,
                    password_hash="-",
                    tier=tier,
                    is_admin=is_admin,
                    created_ms=services.clock.now_ms(),
                )
            )
        identity = Identity(rows[0]["id"], name, "admin" if is_admin else tier, is_admin)
        if aura:
            await services.aura.grant(identity.account_id, aura, reason="test", author="root")
        return identity

    return make


def choice(
    prompt: str = "rain", *, duration_s: float = 8.0, model: str = "music", seed: int | None = None
) -> GenerationChoice:
    """A checked request with little to it."""
    return GenerationChoice(
        prompt, duration_s, model, is_loopable=False, seed=seed, sampling=SamplingChoice()
    )
