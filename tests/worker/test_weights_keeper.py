"""A worker's keeper of weights, with real processes and a hub of our own."""

import asyncio
import os
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.weights.hub import Fault, Hub, fill, running_hub
from webapp.services.container import Services
from webapp.services.models.downloads import CatalogueEntry
from webapp.services.models.weights_register import WeightsRegister
from webapp.weights.locking import locked
from webapp.worker.weights_keeper import COMMAND, WeightsKeeper

SMALL = "musicgen-small"
LONG_S = 120.0


@pytest.fixture
def hub() -> Iterator[Hub]:
    with running_hub() as hub:
        fill(hub)
        yield hub


@pytest.fixture
def models_dir(tmp_path: Path) -> Path:
    return tmp_path / "models"


Keeper = Callable[..., WeightsKeeper]
# Two tests reach every statement of the register; for the rest it is about processes.
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def make_keeper(services: Services, models_dir: Path, hub: Hub, tmp_path: Path) -> Keeper:
    environment = {
        **os.environ,
        "SOUNDLOOM_DATA_DIR": str(tmp_path),
        "SOUNDLOOM_MODELS_URL": hub.base,
        "SOUNDLOOM_DISK_RESERVE_MB": "0",
    }

    def make(command: tuple[str, ...] = COMMAND) -> WeightsKeeper:
        register = WeightsRegister(
            services.database, services.clock, services.bus, host="one", path=str(models_dir)
        )
        return WeightsKeeper(
            register, models_dir, services.bus, command=command, environment=environment, look_s=0.05
        )

    return make


@asynccontextmanager
async def running(keeper: WeightsKeeper) -> AsyncIterator[None]:
    task = asyncio.create_task(keeper.run())
    try:
        yield
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(services: Services, is_so: Callable[[CatalogueEntry], bool]) -> CatalogueEntry:
    """The entry, once this is so; looked at again after every hint."""
    async with asyncio.timeout(LONG_S):
        with services.bus.subscribe() as hints:
            while True:
                entry = next(one for one in await services.models.downloads.catalogue() if one.name == SMALL)
                if is_so(entry):
                    return entry
                await hints.wait(0.5)


async def until_known(services: Services) -> None:
    """Wait until the keeper has said that the folder has a worker."""
    async with asyncio.timeout(LONG_S):
        with services.bus.subscribe() as hints:
            while not await services.models.downloads.folders():
                await hints.wait(0.05)


def is_at(state: str) -> Callable[[CatalogueEntry], bool]:
    return lambda entry: entry.download is not None and entry.download.state == state


@ON_ONE_DATABASE
async def test_a_model_is_fetched_and_removed(
    services: Services, make_keeper: Keeper, models_dir: Path
) -> None:
    async with running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True, by="ann")
        entry = await until(services, lambda entry: entry.is_installed and entry.download is None)
        assert (entry.hosts, entry.is_chosen) == (("one",), True)
        assert '"accepted_by": "ann"' in (models_dir / SMALL / "soundloom.json").read_text()
        await services.models.downloads.remove(SMALL)
        await until(services, lambda entry: not entry.is_installed and entry.download is None)
        assert not (models_dir / SMALL).exists()


async def test_progress_is_seen_and_a_download_can_be_cancelled_and_gone_on_with(
    services: Services, make_keeper: Keeper, models_dir: Path, hub: Hub
) -> None:
    slow = Fault(after=40_000, reached=threading.Event(), goes_on=threading.Event())
    hub.faults = [slow]
    async with running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        entry = await until(
            services, lambda entry: entry.download is not None and entry.download.done_bytes > 0
        )
        assert entry.download is not None
        assert entry.download.state == "fetching"
        assert entry.download.total_bytes > 300_000
        await services.models.downloads.cancel(SMALL)
        assert slow.goes_on is not None
        await asyncio.to_thread(until_ended, models_dir)
        slow.goes_on.set()
        arrived = (models_dir / SMALL / "compression_state_dict.bin.part").stat().st_size
        hub.served.clear()
        await services.models.downloads.start(SMALL, accepted_licence=True)
        await until(services, lambda entry: entry.is_installed and entry.download is None)
        assert 0 < arrived <= 40_000
        assert hub.gets("compression_state_dict.bin")[0]["range"] == f"bytes={arrived}-"


async def test_a_worker_that_stops_leaves_its_download_to_the_next(
    services: Services, make_keeper: Keeper, models_dir: Path, hub: Hub
) -> None:
    slow = Fault(after=40_000, reached=threading.Event(), goes_on=threading.Event())
    assert slow.goes_on is not None
    hub.faults = [slow]
    async with running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        await until(services, lambda entry: entry.download is not None and entry.download.done_bytes > 0)
    until_ended(models_dir)
    slow.goes_on.set()
    hub.served.clear()
    async with running(make_keeper()):
        await until(services, lambda entry: entry.is_installed and entry.download is None)
    assert hub.gets("compression_state_dict.bin")[0]["range"].startswith("bytes=")


@ON_ONE_DATABASE
async def test_failures_are_told_in_plain_words(services: Services, make_keeper: Keeper, hub: Hub) -> None:
    del hub.files[f"facebook/{SMALL}/state_dict.bin"]
    async with running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        entry = await until(services, is_at("failed"))
        assert entry.download is not None
        assert entry.download.error.startswith("127.0.0.1 has no /facebook/musicgen-small/resolve/")
        # Nothing has arrived; removing takes the error away.
        await services.models.downloads.remove(SMALL)
        await until(services, lambda entry: entry.download is None)


@ON_ONE_DATABASE
async def test_a_process_that_dies_is_a_failure(services: Services, make_keeper: Keeper) -> None:
    async with running(make_keeper((sys.executable, "-c", "import os; os.abort()"))):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        entry = await until(services, is_at("failed"))
        assert entry.download is not None
        assert entry.download.error == "The download ended unexpectedly; what has arrived is kept"


@ON_ONE_DATABASE
async def test_a_model_that_cannot_be_removed_is_still_there(
    services: Services, make_keeper: Keeper, hub: Hub
) -> None:
    async with running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        await until(services, lambda entry: entry.is_installed and entry.download is None)
    refusing = 'print(\'{"state": "failed", "error": "It is stuck"}\')'
    async with running(make_keeper((sys.executable, "-c", refusing))):
        await services.models.downloads.remove(SMALL)
        entry = await until(services, is_at("failed"))
        assert entry.is_installed
        assert entry.download is not None
        assert entry.download.error == "It is stuck"


@ON_ONE_DATABASE
async def test_only_one_worker_of_a_folder_keeps_it(
    services: Services, make_keeper: Keeper, hub: Hub
) -> None:
    async with running(make_keeper()), running(make_keeper()):
        await until_known(services)
        await services.models.downloads.start(SMALL, accepted_licence=True)
        await until(services, lambda entry: entry.is_installed and entry.download is None)
    assert len(hub.gets("compression_state_dict.bin")) == 1


def until_ended(models_dir: Path) -> None:
    """Wait until no process fetches the model: its lock ends with it."""
    with locked(models_dir, SMALL, waiting=lambda: None):
        pass
