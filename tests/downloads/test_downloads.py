"""Downloads as admins and workers see them, on both databases."""

from collections.abc import Callable

import pytest

from webapp.clock import ManualClock
from webapp.errors import Conflict, InvalidRequest, NotFound, Unavailable
from webapp.events import Event
from webapp.services.container import Services
from webapp.services.models.downloads import CatalogueEntry
from webapp.services.models.weights_register import WeightsRegister, Wish

SMALL = "musicgen-small"
MakeRegister = Callable[..., WeightsRegister]


@pytest.fixture
def register(services: Services) -> MakeRegister:
    def make(host: str = "one") -> WeightsRegister:
        return WeightsRegister(services.database, services.clock, services.bus, host=host, path="/models")

    return make


async def entry(services: Services, name: str = SMALL) -> CatalogueEntry:
    return next(entry for entry in await services.models.downloads.catalogue() if entry.name == name)


async def test_the_catalogue_says_what_there_is_and_under_which_licence(services: Services) -> None:
    entries = await services.models.downloads.catalogue()
    assert len(entries) == 13
    assert {entry.licence for entry in entries} == {"CC-BY-NC 4.0"}
    assert all(entry.licence_url.startswith("https://creativecommons.org/") for entry in entries)
    small = await entry(services)
    assert (small.title, small.model) == ("MusicGen small", "music")
    assert 1.5e9 < small.size_bytes < 2.5e9
    assert (small.is_installed, small.is_chosen, small.hosts, small.download) == (False, False, (), None)
    assert (await entry(services, "audio-magnet-medium")).title == "MAGNeT medium (sound effects)"


async def test_a_download_from_wish_to_end(services: Services, register: MakeRegister) -> None:
    worker = register()
    await worker.seen(10**12, [])
    with services.bus.subscribe() as hints:
        await services.models.downloads.start(SMALL, accepted_licence=True, by="root")
        assert hints.take() == [Event("status")]
    waiting = (await entry(services)).download
    assert waiting is not None
    assert (waiting.state, waiting.bytes_per_s) == ("waiting", None)

    assert await worker.next_wish() == Wish(SMALL, "pull", "root")
    await worker.progress(SMALL, done_bytes=250, total_bytes=1000, bytes_per_s=50)
    fetching = (await entry(services)).download
    assert fetching is not None
    assert (fetching.state, fetching.done_bytes, fetching.total_bytes) == ("fetching", 250, 1000)
    assert (fetching.bytes_per_s, fetching.eta_s) == (50, 15)

    await worker.seen(10**12, [SMALL])
    await worker.ended(SMALL, "pull", "installed")
    done = await entry(services)
    assert (done.is_installed, done.is_chosen, done.hosts, done.download) == (True, True, ("one",), None)
    assert await worker.next_wish() is None
    with pytest.raises(Conflict, match="installed already"):
        await services.models.downloads.start(SMALL, accepted_licence=True)


async def test_what_cannot_be_asked_for(services: Services, register: MakeRegister) -> None:
    downloads = services.models.downloads
    with pytest.raises(NotFound, match="nonesuch"):
        await downloads.start("nonesuch", accepted_licence=True)
    with pytest.raises(InvalidRequest, match=r"CC-BY-NC 4\.0"):
        await downloads.start(SMALL, accepted_licence=False)
    with pytest.raises(Unavailable, match="No worker"):
        await downloads.start(SMALL, accepted_licence=True)
    with pytest.raises(Conflict, match="not being fetched"):
        await downloads.cancel(SMALL)
    await register().seen(10**12, [])
    with pytest.raises(Conflict, match="not installed"):
        await downloads.remove(SMALL)
    await downloads.start(SMALL, accepted_licence=True)
    with pytest.raises(Conflict, match="already"):
        await downloads.start(SMALL, accepted_licence=True)
    with pytest.raises(Conflict, match="cancel that first"):
        await downloads.remove(SMALL)


async def test_a_cancelled_download_stays_cancelled(services: Services, register: MakeRegister) -> None:
    worker = register()
    await worker.seen(10**12, [])
    await services.models.downloads.start(SMALL, accepted_licence=True)
    await worker.progress(SMALL, done_bytes=250, total_bytes=1000, bytes_per_s=50)
    await services.models.downloads.cancel(SMALL)
    assert not await worker.is_wanted(SMALL, "pull")
    # What the worker still says does not bring it back.
    await worker.progress(SMALL, done_bytes=300, total_bytes=1000, bytes_per_s=50)
    await worker.ended(SMALL, "pull", "failed", "killed")
    download = (await entry(services)).download
    assert download is not None
    assert (download.state, download.done_bytes, download.error) == ("cancelled", 250, "")
    await services.models.downloads.start(SMALL, accepted_licence=True)
    assert await worker.is_wanted(SMALL, "pull")


async def test_a_failure_is_told_and_can_be_tried_again(services: Services, register: MakeRegister) -> None:
    worker = register()
    await worker.seen(10**12, [])
    await services.models.downloads.start(SMALL, accepted_licence=True)
    await worker.ended(SMALL, "pull", "failed", "The disk is full")
    download = (await entry(services)).download
    assert download is not None
    assert (download.state, download.error) == ("failed", "The disk is full")
    await services.models.downloads.start(SMALL, accepted_licence=True)
    download = (await entry(services)).download
    assert download is not None
    assert (download.state, download.error) == ("waiting", "")


async def test_a_restart_resumes(services: Services, register: MakeRegister) -> None:
    worker = register()
    await worker.seen(10**12, [])
    await services.models.downloads.start(SMALL, accepted_licence=True)
    await worker.progress(SMALL, done_bytes=250, total_bytes=1000, bytes_per_s=50)
    await worker.resume()
    download = (await entry(services)).download
    assert download is not None
    assert (download.state, download.done_bytes, download.eta_s) == ("waiting", 250, None)
    assert await worker.next_wish() == Wish(SMALL, "pull", "")


async def test_removal(services: Services, register: MakeRegister) -> None:
    worker = register()
    await worker.seen(10**12, [SMALL])
    await services.models.downloads.remove(SMALL)
    download = (await entry(services)).download
    assert download is not None
    assert download.state == "removing"
    assert await worker.next_wish() == Wish(SMALL, "remove", "")
    await worker.ended(SMALL, "remove", "absent")
    await worker.seen(10**12, [])
    gone = await entry(services)
    assert (gone.is_installed, gone.download) == (False, None)


async def test_other_hands_are_noticed(services: Services, register: MakeRegister) -> None:
    worker = register()
    with services.bus.subscribe() as hints:
        await worker.seen(10**12, [SMALL])
        assert hints.take() == [Event("status")]
        await worker.seen(10**12, [SMALL])
        assert hints.take() == []
        assert (await entry(services)).is_installed
        await worker.seen(10**12, [])
        assert hints.take() == [Event("status")]
    assert not (await entry(services)).is_installed


async def test_every_host_fetches_for_itself(
    services: Services, register: MakeRegister, clock: ManualClock
) -> None:
    one, two = register("one"), register("two")
    await one.seen(10**12, [SMALL])
    await two.seen(5 * 10**11, [])
    half = await entry(services)
    assert (half.is_installed, half.is_chosen, half.hosts) == (False, False, ("one",))
    assert [(folder.host, folder.free_bytes) for folder in await services.models.downloads.folders()] == [
        ("one", 10**12),
        ("two", 5 * 10**11),
    ]
    await services.models.downloads.start(SMALL, accepted_licence=True)
    assert await one.next_wish() is None
    assert await two.next_wish() == Wish(SMALL, "pull", "")
    # A host that has gone is no longer waited for.
    clock.advance_s(29)
    await one.seen(10**12, [SMALL])
    clock.advance_s(2)
    alone = await entry(services)
    assert (alone.is_installed, alone.download) == (True, None)


async def test_the_chosen_one_is_what_the_settings_ask_for(
    services: Services, register: MakeRegister
) -> None:
    await register().seen(10**12, ["musicgen-medium", "musicgen-large", "magnet-small-30secs"])
    chosen = {entry.name for entry in await services.models.downloads.catalogue() if entry.is_chosen}
    assert chosen == {"musicgen-medium", "magnet-small-30secs"}
