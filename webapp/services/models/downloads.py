"""Models' weights as admins see them: what is published, what is installed where, and what is on its way.

Weights lie on the workers' hosts, which may be others than this one. So everything here is rows: what is
asked for, which a worker on each host carries out (`webapp.worker.weights_keeper`), and what it says.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import Conflict, InvalidRequest, NotFound, Unavailable
from webapp.events import Bus, Event
from webapp.settings import Settings
from webapp.weights.catalogue import CHECKPOINTS, WEIGHTS_LICENCE_URL, Checkpoint, chosen_name, published

CopyState = Literal["absent", "waiting", "fetching", "installed", "failed", "cancelled", "removing"]
# The first of these that any folder is in is what is shown of all of them.
SHOWN: Final[tuple[CopyState, ...]] = ("fetching", "removing", "waiting", "failed", "cancelled")
# A folder not heard of for this long has no worker now.
SILENT_MS: Final = 30_000
NO_WORKER: Final = "No worker is running that could do this; start one first"

_WANT: Final = (
    "INSERT INTO weights_copy (folder, name, state, wish, accepted_by, asked_ms)"
    " VALUES ({}, {}, {}, {}, {}, {})"
    " ON CONFLICT (folder, name) DO UPDATE SET state = excluded.state, wish = excluded.wish, error = '',"
    " bytes_per_s = 0, accepted_by = excluded.accepted_by, asked_ms = excluded.asked_ms"
)


@dataclass(frozen=True, slots=True)
class DownloadState:
    """How far a download is, over all hosts; also a removal, and a download that has ended badly.

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

    `size_bytes` is about what has to be fetched where nothing is there yet: text encoder and codec
    included. It is installed when every host with workers has it; `hosts` are those that do. `is_chosen`
    says that it serves its model once AudioCraft does.
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
    """A models folder of a host that has workers now, and the free space there."""

    host: str
    path: str
    free_bytes: int


class Downloads:
    """What admins may ask for: fetch a model everywhere, stop that, take it away."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._settings = settings
        self._bus = bus

    async def catalogue(self) -> tuple[CatalogueEntry, ...]:
        """Every published checkpoint, by model and then as published."""
        folders = {row["folder"]: row["host"] for row in await self._live_folders()}
        copies: dict[str, list[dict[str, Any]]] = {}
        for row in await self._database.fetch("SELECT * FROM weights_copy ORDER BY id"):
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
        """The models folders that workers look after now."""
        return tuple(
            FolderView(row["host"], row["path"], row["free_bytes"]) for row in await self._live_folders()
        )

    async def start(self, name: str, *, accepted_licence: bool, by: str = "") -> None:
        """Fetch a model on every host that lacks it; `by` is who accepts its licence.

        Raises NotFound, InvalidRequest without acceptance, Unavailable without a worker, and Conflict when
        it is there or on its way.
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
        """Stop fetching a model; what has arrived is kept, to go on from. Raises NotFound, Conflict."""
        checkpoint = _known(name)
        async with self._database.transaction():
            stopped = await self._database.fetch(
                "UPDATE weights_copy SET wish = '', state = 'cancelled', bytes_per_s = 0"
                " WHERE name = {} AND wish = 'pull' RETURNING id",
                checkpoint.name,
            )
        if not stopped:
            raise Conflict(f"{checkpoint.name} is not being fetched")
        self._bus.publish(Event("status"))

    async def remove(self, name: str) -> None:
        """Take a model, or what has arrived of it, away from every host.

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
        return await self._database.fetch(
            "SELECT folder, host, path, free_bytes FROM weights_folder"
            " WHERE seen_ms BETWEEN {} AND {} ORDER BY id",
            now_ms - SILENT_MS,
            now_ms + SILENT_MS,
        )

    async def _copies(self, name: str) -> dict[str, dict[str, Any]]:
        rows = await self._database.fetch("SELECT * FROM weights_copy WHERE name = {} ORDER BY id", name)
        return {row["folder"]: row for row in rows}

    async def _want(self, folder: str, name: str, state: CopyState, wish: str, by: str) -> None:
        await self._database.fetch(_WANT, folder, name, state, wish, by, self._clock.now_ms())


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
    """What is to be shown of the copies of one model; None when nothing goes on and nothing went wrong."""
    # What is installed and has an error could not be removed.
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
