"""The workers' side of downloads: what a models folder contains, what is wished for it, and the progress."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from piccolo.columns.combination import And

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.services.models.downloads import CopyState
from webapp.tables import WeightsCopy, WeightsFolder

MAX_FOLDER_CHARACTERS: Final = 400
MAX_ERROR_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """A wish for one model in one folder, and who accepted its licence."""

    name: str
    action: Literal["pull", "remove"]
    accepted_by: str


class WeightsRegister:
    """The rows that the worker in charge of a models folder reads and writes."""

    def __init__(self, database: Database, clock: Clock, bus: Bus, *, host: str, path: str) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._host = host
        self._path = path
        # Paths with the same first characters up to here count as one; real paths are far shorter.
        self._folder = f"{host}:{path}"[:MAX_FOLDER_CHARACTERS]

    async def seen(self, free_bytes: int, installed: Collection[str]) -> None:
        """Record that the folder has a worker, its free space, and its complete models.

        This also notices models that a command or a copy added or removed.
        """
        async with self._database.transaction(durable=False):
            await self._write_folder(free_bytes)
            rows = await WeightsCopy.select(WeightsCopy.name, WeightsCopy.state, WeightsCopy.wish).where(
                WeightsCopy.folder == self._folder
            )
            known = {row["name"]: row for row in rows}
            gone = [
                name for name, row in known.items() if row["state"] == "installed" and name not in installed
            ]
            new = [
                name for name in installed
                if name not in known or (not known[name]["wish"] and known[name]["state"] != "installed")
            ]  # fmt: skip
            for name in gone:
                await self._forget(name)
            for name in new:
                row = WeightsCopy(folder=self._folder, name=name, state="installed")
                await WeightsCopy.insert(row).on_conflict(
                    target=(WeightsCopy.folder, WeightsCopy.name),
                    action="DO UPDATE",
                    values=[WeightsCopy.state, WeightsCopy.error],
                )
        if gone or new:
            self._bus.publish(Event("status"))

    async def resume(self) -> None:
        """Queue again what the last worker was doing when it stopped."""
        await WeightsCopy.update({WeightsCopy.state: "waiting", WeightsCopy.bytes_per_s: 0}).where(
            (WeightsCopy.folder == self._folder)
            & (WeightsCopy.state == "fetching")
            & (WeightsCopy.wish == "pull")
        )

    async def next_wish(self) -> Wish | None:
        """Return the oldest wish that is still open."""
        row = await (
            WeightsCopy.select(WeightsCopy.name, WeightsCopy.wish, WeightsCopy.accepted_by)
            .where((WeightsCopy.folder == self._folder) & (WeightsCopy.wish != ""))
            .order_by(WeightsCopy.asked_ms, WeightsCopy.id)
            .first()
        )
        return Wish(row["name"], row["wish"], row["accepted_by"]) if row else None

    async def is_wanted(self, name: str, action: str) -> bool:
        """Check that this is still the wish."""
        return await WeightsCopy.exists().where(self._is_asked(name, action))

    async def progress(self, name: str, *, done_bytes: int, total_bytes: int, bytes_per_s: int) -> None:
        """Record a download's progress, unless it has been cancelled."""
        async with self._database.transaction(durable=False):
            await WeightsCopy.update(
                {
                    WeightsCopy.state: "fetching",
                    WeightsCopy.done_bytes: done_bytes,
                    WeightsCopy.total_bytes: total_bytes,
                    WeightsCopy.bytes_per_s: bytes_per_s,
                }
            ).where(self._is_asked(name, "pull"))
        self._bus.publish(Event("status"))

    async def ended(self, name: str, action: str, state: CopyState, error: str = "") -> None:
        """Record how a wish ended, unless there is another one by now."""
        async with self._database.transaction():
            if state == "absent":
                await self._forget(name, action)
            else:
                await WeightsCopy.update(
                    {
                        WeightsCopy.state: state,
                        WeightsCopy.wish: "",
                        WeightsCopy.error: error[:MAX_ERROR_CHARACTERS],
                        WeightsCopy.bytes_per_s: 0,
                    }
                ).where(self._is_asked(name, action))
        self._bus.publish(Event("status"))

    async def _forget(self, name: str, action: str = "") -> None:
        await WeightsCopy.delete().where(self._is_asked(name, action))

    async def _write_folder(self, free_bytes: int) -> None:
        row = WeightsFolder(
            folder=self._folder,
            host=self._host,
            path=self._path,
            free_bytes=free_bytes,
            seen_ms=self._clock.now_ms(),
        )
        await WeightsFolder.insert(row).on_conflict(
            target=WeightsFolder.folder,
            action="DO UPDATE",
            values=[WeightsFolder.free_bytes, WeightsFolder.seen_ms],
        )

    def _is_asked(self, name: str, action: str) -> And:
        """Match the copy of a model in this folder while this is what is asked of it."""
        return (
            (WeightsCopy.folder == self._folder) & (WeightsCopy.name == name) & (WeightsCopy.wish == action)
        )
