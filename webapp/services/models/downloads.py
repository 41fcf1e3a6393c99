"""Model weights as admins see them: what is published, what is installed where, and what is in progress.

Weights are stored on the workers' hosts, which may differ from this one. So everything here is rows:
requests, which a worker on each host carries out (`webapp.worker.weights_keeper`), and its reports.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import Conflict, InvalidRequest, NotFound, Unavailable
from webapp.events import Bus, Event
from webapp.settings import Settings
from webapp.tables import WeightsCopy, WeightsFolder
from webapp.weights.catalogue import CHECKPOINTS, WEIGHTS_LICENCE_URL, Checkpoint, chosen_name, published

CopyState = Literal["absent", "waiting", "fetching", "installed", "failed", "cancelled", "removing"]
# In order of precedence: of the folders' states, the first in this list is shown.
SHOWN: Final[tuple[CopyState, ...]] = ("fetching", "removing", "waiting", "failed", "cancelled")
# A folder without a report for this long has no worker.
SILENT_MS: Final = 30_000
NO_WORKER: Final = "No worker is running that could do this; start one first"


@dataclass(frozen=True, slots=True)
class DownloadState:
    """The state of a download over all hosts; also of a removal or a failed download.

    `bytes_per_s` and `eta_s` are None while nothing arrives; `total_bytes` is 0 until it is known.
    """

    state: CopyState
    done_bytes: int
    total_bytes: int
    bytes_per_s: int | None
    eta_s: int | None
    error: str


@dataclass(frozen=True, slots=True)
class CatalogueEntry:
    """One published checkpoint.

    `size_bytes` is the approximate download where nothing is installed yet, text encoder and codec
    included. It is installed when every host with workers has it; `hosts` are those that do. `is_chosen`
    means that it serves its model when the AudioCraft engine is in use.
    """

    name: str
    title: str
    model: str
    size_bytes: int
    licence: str
    licence_url: str
    is_installed: bool
    is_chosen: bool
    hosts: tuple[str, ...]
    download: DownloadState | None


@dataclass(frozen=True, slots=True)
class FolderView:
    """A models folder on a host that has workers now, and the free space there."""

    host: str
    path: str
    free_bytes: int


class Downloads:
    """Admins' requests: fetch a model on every host, cancel that, remove it."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._bus = bus

    async def catalogue(self) -> tuple[CatalogueEntry, ...]:
        """Return every published checkpoint, by model and then in the published order."""
        folders = {row["folder"]: row["host"] for row in await self._live_folders()}
        copies: dict[str, list[dict[str, Any]]] = {}
        for row in await WeightsCopy.select().order_by(WeightsCopy.id):
            if row["folder"] in folders:
                copies.setdefault(row["name"], []).append(row)
        installed = {
            name: tuple(folders[row["folder"]] for row in rows if row["state"] == "installed")
            for name, rows in copies.items()
        }
        everywhere = {name for name, hosts in installed.items() if hosts and len(hosts) == len(folders)}
        return tuple(
            _entry(
                checkpoint,
                hosts=installed.get(checkpoint.name, ()),
                is_installed=checkpoint.name in everywhere,
                is_chosen=checkpoint.name == self._chosen(checkpoint.model, everywhere),
                download=_download(copies.get(checkpoint.name, ())),
            )
            for checkpoint in CHECKPOINTS
        )

    async def folders(self) -> tuple[FolderView, ...]:
        """Return the models folders that workers look after now."""
        return tuple(
            FolderView(row["host"], row["path"], row["free_bytes"]) for row in await self._live_folders()
        )

    async def start(self, name: str, *, accepted_licence: bool, by: str = "") -> None:
        """Fetch a model on every host that lacks it; `by` names who accepts its licence.

        Raises NotFound, InvalidRequest without acceptance, Unavailable without a worker, and Conflict when
        it is installed or in progress.
        """
        checkpoint = _known(name)
        if not accepted_licence:
            raise InvalidRequest(f"Accept the licence of these weights first: {checkpoint.licence}")
        async with self._database.transaction():
            folders = await self._live_folders()
            if not folders:
                raise Unavailable(NO_WORKER)
            copies = await self._copies(checkpoint.name)
            busy = {folder for folder, row in copies.items() if row["wish"]}
            there = {folder for folder, row in copies.items() if row["state"] == "installed"}
            lacking = [row["folder"] for row in folders if row["folder"] not in busy | there]
            if not lacking:
                is_going = any(row["folder"] in busy for row in folders)
                raise Conflict(
                    f"{checkpoint.name} is being worked on already"
                    if is_going
                    else f"{checkpoint.name} is installed already"
                )
            for folder in lacking:
                await self._want(folder, checkpoint.name, "waiting", "pull", by)
        self._bus.publish(Event("status"))

    async def cancel(self, name: str) -> None:
        """Cancel a download; what has arrived is kept, to resume from. Raises NotFound, Conflict."""
        checkpoint = _known(name)
        async with self._database.transaction():
            stopped = await (
                WeightsCopy.update(
                    {WeightsCopy.wish: "", WeightsCopy.state: "cancelled", WeightsCopy.bytes_per_s: 0}
                )
                .where((WeightsCopy.name == checkpoint.name) & (WeightsCopy.wish == "pull"))
                .returning(WeightsCopy.id)
            )
        if not stopped:
            raise Conflict(f"{checkpoint.name} is not being fetched")
        self._bus.publish(Event("status"))

    async def remove(self, name: str) -> None:
        """Remove a model, or what has arrived of it, from every host.

        Parts that other models need stay. Raises NotFound, Conflict while it is being fetched, and
        Unavailable without a worker.
        """
        checkpoint = _known(name)
        async with self._database.transaction():
            live = {row["folder"] for row in await self._live_folders()}
            if not live:
                raise Unavailable(NO_WORKER)
            copies = await self._copies(checkpoint.name)
            if any(row["wish"] == "pull" for row in copies.values()):
                raise Conflict(f"{checkpoint.name} is being fetched; cancel that first")
            there = [folder for folder in copies if folder in live]
            if not there:
                raise Conflict(f"{checkpoint.name} is not installed")
            for folder in there:
                await self._want(folder, checkpoint.name, "removing", "remove", "")
        self._bus.publish(Event("status"))

    def _chosen(self, model: str, installed: Iterable[str]) -> str | None:
        if self._settings.engine == "sketch":
            return None
        return chosen_name(model, self._settings.checkpoints.get(model, ""), frozenset(installed))

    async def _live_folders(self) -> list[dict[str, Any]]:
        now_ms = self._clock.now_ms()
        return await (
            WeightsFolder.select(
                WeightsFolder.folder, WeightsFolder.host, WeightsFolder.path, WeightsFolder.free_bytes
            )
            .where(
                (WeightsFolder.seen_ms >= now_ms - SILENT_MS) & (WeightsFolder.seen_ms <= now_ms + SILENT_MS)
            )
            .order_by(WeightsFolder.id)
        )

    async def _copies(self, name: str) -> dict[str, dict[str, Any]]:
        rows = await WeightsCopy.select().where(WeightsCopy.name == name).order_by(WeightsCopy.id)
        return {row["folder"]: row for row in rows}

    async def _want(self, folder: str, name: str, state: CopyState, wish: str, by: str) -> None:
        # The counts of an earlier download stay: what has arrived is kept.
        row = WeightsCopy(
            folder=folder,
            name=name,
            state=state,
            wish=wish,
            accepted_by=by,
            asked_ms=self._clock.now_ms(),
        )
        await WeightsCopy.insert(row).on_conflict(
            target=(WeightsCopy.folder, WeightsCopy.name),
            action="DO UPDATE",
            values=[
                WeightsCopy.state,
                WeightsCopy.wish,
                WeightsCopy.error,
                WeightsCopy.bytes_per_s,
                WeightsCopy.accepted_by,
                WeightsCopy.asked_ms,
            ],
        )


def _known(name: str) -> Checkpoint:
    checkpoint = published(name)
    if checkpoint is None:
        raise NotFound(f"There is no published model named {name[:64]!r}")
    return checkpoint


def _entry(
    checkpoint: Checkpoint,
    *,
    hosts: tuple[str, ...],
    is_installed: bool,
    is_chosen: bool,
    download: DownloadState | None,
) -> CatalogueEntry:
    return CatalogueEntry(
        name=checkpoint.name,
        title=checkpoint.title,
        model=checkpoint.model,
        size_bytes=checkpoint.download_bytes,
        licence=checkpoint.licence,
        licence_url=WEIGHTS_LICENCE_URL,
        is_installed=is_installed,
        is_chosen=is_chosen,
        hosts=hosts,
        download=download,
    )


def _download(rows: Sequence[dict[str, Any]]) -> DownloadState | None:
    """Sum up the copies of one model; None when nothing is in progress and nothing failed."""
    # An installed copy with an error is one whose removal failed.
    states = {"failed" if row["error"] else row["state"] for row in rows}
    shown = next((state for state in SHOWN if state in states), None)
    if shown is None:
        return None
    moving = [row for row in rows if row["state"] in SHOWN or row["error"]]
    done, total, speed = (
        sum(int(row[column]) for row in moving) for column in ("done_bytes", "total_bytes", "bytes_per_s")
    )
    is_flowing = shown == "fetching" and speed > 0
    return DownloadState(
        state=shown,
        done_bytes=done,
        total_bytes=total,
        bytes_per_s=speed if is_flowing else None,
        eta_s=max(0, total - done) // speed if is_flowing else None,
        error=next((row["error"] for row in moving if row["error"]), "") if shown == "failed" else "",
    )
