"""The workers' side of downloads: what a models folder holds, what is asked for it, and how that goes."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.events import Bus, Event
from webapp.services.models.downloads import CopyState

MAX_FOLDER_CHARACTERS: Final = 400
MAX_ERROR_CHARACTERS: Final = 500


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be done with one model in one folder, and who accepted its licence."""

    name: str
    action: Literal["pull", "remove"]
    accepted_by: str


class WeightsRegister:
    """What the worker that looks after a models folder reads and writes."""

    def __init__(self, database: Database, clock: Clock, bus: Bus, *, host: str, path: str) -> None:
        self._database = database
        self._clock = clock
        self._bus = bus
        self._host = host
        self._path = path
        # Two paths that are alike up to here would be taken for one; none in use comes near.
        self._folder = f"{host}:{path}"[:MAX_FOLDER_CHARACTERS]

    async def seen(self, free_bytes: int, installed: Collection[str]) -> None:
        """Record that the folder has a worker, the space there, and what is complete in it.

        What came or went by other hands (a command, a copy) is noticed here.
        """
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "INSERT INTO weights_folder (folder, host, path, free_bytes, seen_ms)"
                " VALUES ({}, {}, {}, {}, {})"
                " ON CONFLICT (folder) DO UPDATE SET free_bytes = excluded.free_bytes,"
                " seen_ms = excluded.seen_ms",
                self._folder, self._host, self._path, free_bytes, self._clock.now_ms(),
            )  # fmt: skip
            rows = await self._database.fetch(
                "SELECT name, state, wish FROM weights_copy WHERE folder = {}", self._folder
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
                await self._database.fetch(
                    "INSERT INTO weights_copy (folder, name, state) VALUES ({}, {}, 'installed')"
                    " ON CONFLICT (folder, name) DO UPDATE SET state = 'installed', error = ''",
                    self._folder,
                    name,
                )
        if gone or new:
            self._bus.publish(Event("status"))

    async def resume(self) -> None:
        """Put what was being done when the last worker stopped back in line."""
        await self._database.fetch(
            "UPDATE weights_copy SET state = 'waiting', bytes_per_s = 0"
            " WHERE folder = {} AND state = 'fetching' AND wish = 'pull'",
            self._folder,
        )

    async def next_wish(self) -> Wish | None:
        """What was asked for first and is still to be done."""
        rows = await self._database.fetch(
            "SELECT name, wish, accepted_by FROM weights_copy WHERE folder = {} AND wish <> ''"
            " ORDER BY asked_ms, id LIMIT 1",
            self._folder,
        )
        return Wish(rows[0]["name"], rows[0]["wish"], rows[0]["accepted_by"]) if rows else None

    async def is_wanted(self, name: str, action: str) -> bool:
        """Whether this is still asked for."""
        rows = await self._database.fetch(
            "SELECT 1 AS one FROM weights_copy WHERE folder = {} AND name = {} AND wish = {}",
            self._folder,
            name,
            action,
        )
        return bool(rows)

    async def progress(self, name: str, *, done_bytes: int, total_bytes: int, bytes_per_s: int) -> None:
        """Record how far a download is, unless it was cancelled meanwhile."""
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "UPDATE weights_copy SET state = 'fetching', done_bytes = {}, total_bytes = {},"
                " bytes_per_s = {} WHERE folder = {} AND name = {} AND wish = 'pull'",
                done_bytes, total_bytes, bytes_per_s, self._folder, name,
            )  # fmt: skip
        self._bus.publish(Event("status"))

    async def ended(self, name: str, action: str, state: CopyState, error: str = "") -> None:
        """Record how something that was asked for ended, unless something else is asked for by now."""
        async with self._database.transaction():
            if state == "absent":
                await self._forget(name, action)
            else:
                await self._database.fetch(
                    "UPDATE weights_copy SET state = {}, wish = '', error = {}, bytes_per_s = 0"
                    " WHERE folder = {} AND name = {} AND wish = {}",
                    state, error[:MAX_ERROR_CHARACTERS], self._folder, name, action,
                )  # fmt: skip
        self._bus.publish(Event("status"))

    async def _forget(self, name: str, action: str = "") -> None:
        await self._database.fetch(
            "DELETE FROM weights_copy WHERE folder = {} AND name = {} AND wish = {}",
            self._folder,
            name,
            action,
        )
