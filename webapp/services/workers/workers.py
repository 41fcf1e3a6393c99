"""The workers that run, as they report themselves."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal

from webapp.clock import Clock
from webapp.database import Database
from webapp.errors import SettingsError
from webapp.events import Bus, Event
from webapp.policy.worker_ids import WORKER_ID_RULE, is_worker_id
from webapp.settings import Settings
from webapp.tables import Worker

WorkerState = Literal["starting", "idle", "busy", "stopping"]
WorkerKind = Literal["sound", "speech"]
ShownState = Literal["starting", "idle", "busy", "draining", "stopping"]


LOOK_AGAIN_S: Final = 0.5


class NameTaken(SettingsError):
    """Another worker has the name."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One worker. `report` is what it last said of its models and device.

    It is `draining` when it takes no more jobs, whether or not it still has any.
    """

    worker_id: str
    host: str
    pid: int
    device: str
    state: ShownState
    started_ms: int
    heartbeat_ms: int
    report: dict[str, Any]
    kind: WorkerKind = "sound"


@dataclass(frozen=True, slots=True)
class WorkerOnDuty:
    """A worker that takes jobs: what it runs on, and the engine that serves each model there.

    `places` says how many jobs of a model it makes at once.
    """

    worker_id: str
    device: str
    engines: Mapping[str, str]
    places: Mapping[str, int]


class Workers:
    """The register of workers: who is there, and who has not been heard of for too long."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._bus = bus

    async def register(
        self, worker_id: str, *, host: str, pid: int, device: str, kind: WorkerKind = "sound"
    ) -> None:
        """Enter a worker that is starting, in place of one of its name that was not heard of for a lease.

        Once more does no harm, as when the first answer was lost. Raises SettingsError for what no worker may
        be called, and NameTaken while another process of the name is there.
        """
        if not is_worker_id(worker_id):
            raise SettingsError(f"A worker's name must be {WORKER_ID_RULE}.")
        now_ms = self._clock.now_ms()
        async with self._database.transaction(durable=False):
            if await self._database.fetch(
                "SELECT 1 AS one FROM worker WHERE worker_id = {} AND heartbeat_ms BETWEEN {} AND {}"
                " AND NOT (host = {} AND pid = {})",
                worker_id,
                *self._heard(),
                host,
                pid,
            ):
                raise NameTaken(f"A worker called {worker_id} is running; give this one another name.")
            await self._database.fetch("DELETE FROM worker WHERE worker_id = {}", worker_id)
            await Worker.insert(
                Worker(
                    worker_id=worker_id,
                    host=host,
                    pid=pid,
                    device=device,
                    kind=kind,
                    started_ms=now_ms,
                    heartbeat_ms=now_ms,
                )
            )
        self._bus.publish(Event("status"))

    async def join(
        self, worker_id: str, *, host: str, pid: int, device: str, kind: WorkerKind = "sound"
    ) -> None:
        """Enter a worker that is starting, once the lease of one of its name that died has lapsed.

        Raises SettingsError.
        """
        loop = asyncio.get_running_loop()
        until_s = loop.time() + 2 * self._lease_ms / 1000
        while True:
            try:
                return await self.register(worker_id, host=host, pid=pid, device=device, kind=kind)
            except NameTaken:
                if loop.time() >= until_s:
                    raise
            await asyncio.sleep(LOOK_AGAIN_S)

    async def say(self, worker_id: str, state: WorkerState, report: dict[str, Any]) -> None:
        """Record what a worker says of itself, and that it is alive; its report may name its device."""
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "UPDATE worker SET state = {}, report = {}, device = COALESCE({}, device), heartbeat_ms = {}"
                " WHERE worker_id = {}",
                state,
                json.dumps(report),
                report.get("device"),
                self._clock.now_ms(),
                worker_id,
            )
        self._bus.publish(Event("status"))

    async def last_heartbeat_ms(self, worker_id: str) -> int | None:
        """When a worker was last heard of; None if it is not on the register."""
        rows = await self._database.fetch("SELECT heartbeat_ms FROM worker WHERE worker_id = {}", worker_id)
        return int(rows[0]["heartbeat_ms"]) if rows else None

    async def remove(self, worker_id: str) -> None:
        """Take a worker that has stopped off the register."""
        async with self._database.transaction(durable=False):
            await self._database.fetch("DELETE FROM worker WHERE worker_id = {}", worker_id)
        self._bus.publish(Event("status"))

    async def forget_silent(self) -> None:
        """Take workers off the register that have long been silent."""
        async with self._database.transaction(durable=False):
            await self._database.fetch(
                "DELETE FROM worker WHERE heartbeat_ms < {} OR heartbeat_ms > {}",
                *self._heard(10),
            )

    async def alive(self) -> list[WorkerInfo]:
        """The workers heard of within a lease, oldest first."""
        rows = await self._database.fetch(
            "SELECT worker_id, host, pid, device, started_ms, heartbeat_ms, report, kind,"
            " CASE WHEN is_draining AND state <> 'stopping' THEN 'draining' ELSE state END AS state"
            " FROM worker WHERE heartbeat_ms BETWEEN {} AND {} ORDER BY started_ms, worker_id",
            *self._heard(),
        )
        return [WorkerInfo(**{**row, "report": json.loads(row["report"])}) for row in rows]

    async def on_duty(self) -> list[WorkerOnDuty]:
        """The workers that are alive and go on taking jobs, oldest first; those that speak take none."""
        rows = await self._database.fetch(
            "SELECT worker_id, device, report FROM worker WHERE heartbeat_ms BETWEEN {} AND {}"
            " AND state <> 'stopping'"
            " AND NOT is_draining AND kind = 'sound' ORDER BY started_ms, worker_id",
            *self._heard(),
        )
        return [WorkerOnDuty(row["worker_id"], row["device"], *_served(row["report"])) for row in rows]

    def _heard(self, leases: int = 1) -> tuple[int, int]:
        """Between which times somebody was heard who is there; later is of a clock that was set back."""
        now_ms = self._clock.now_ms()
        return now_ms - leases * self._lease_ms, now_ms + leases * self._lease_ms


@lru_cache(maxsize=256)
def _served(report: str) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """Each model's engine and places, from a worker's report. Reports change seldom and are read often."""
    models = json.loads(report).get("models", {})
    return (
        {model: entry["engine"] for model, entry in models.items()},
        {model: entry.get("places", 1) for model, entry in models.items()},
    )
