"""An installation with something of everything, and another one that is empty."""

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from tests.factories import MakeAccount, choice
from tests.library.conftest import MakeSound, make_sound  # noqa: F401 found by its name here
from webapp.clock import ManualClock
from webapp.database import Database
from webapp.database.sqlite import PersistentSQLiteEngine
from webapp.events import LocalBus
from webapp.ids import SeededIds
from webapp.policy.library.fields import PlaylistChange
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, build_services
from webapp.settings import Settings
from webapp.storage import LocalStorage

Elsewhere = Callable[[], AbstractAsyncContextManager[Services]]


@pytest.fixture
async def ann(services: Services, make_account: MakeAccount, make_sound: MakeSound) -> Identity:  # noqa: F811
    """An account with two sounds, one of them published, voted for, kept and in a playlist, and a job."""
    ann, bob = await make_account("ann", aura=7), await make_account("bob")
    library = services.library
    rain = await make_sound(ann, "calm rain", title="Über", tags=("wet",))
    await make_sound(ann, "secret", is_public=False, duration_s=2.5)
    for voter in (ann, bob):
        await library.votes.vote(voter, rain, 1)
    await library.favorites.add(bob, rain)
    await library.plays.played(bob, "192.0.2.1", rain)
    playlist = await library.playlists.create(bob, PlaylistChange("Night"))
    await library.playlists.add_track(bob, playlist.playlist_id, rain)
    job = await services.queue.submissions.submit(ann, choice("never made"))
    await services.queue.jobs.cancel(ann, job.job_id)
    return ann


@pytest.fixture
def elsewhere(tmp_path: Path, migrated_sqlite_file: Path, clock: ManualClock) -> Elsewhere:
    """Opens another, empty installation: SQLite in a folder of its own."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    shutil.copy(migrated_sqlite_file, folder / "soundloom.sqlite")

    @asynccontextmanager
    async def opened() -> AsyncIterator[Services]:
        database = Database(PersistentSQLiteEngine(folder / "soundloom.sqlite"))
        await database.open()
        settings, storage = Settings(data_dir=str(folder), disk_reserve_mb=0), LocalStorage(folder)
        try:
            yield build_services(settings, database, LocalBus(clock), storage, clock, SeededIds(9))
        finally:
            await database.close()

    return opened
