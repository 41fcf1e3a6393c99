"""The register of running workers, as they report themselves."""

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
from webapp.policy.queue.estimates import WorkerProfile
from webapp.policy.worker_ids import WORKER_ID_RULE, is_worker_id
from webapp.services.workers.abilities import read_models, written_models
from webapp.services.workers.queries import record_report, workers_on_duty
from webapp.settings import Settings
from webapp.tables import Worker

WorkerState = Literal["starting", "idle", "busy", "stopping"]
WorkerKind = Literal["sound", "speech"]
ShownState = Literal["starting", "idle", "busy", "draining", "stopping"]

RETRY_S: Final = 0.5


class NameTaken(SettingsError):
    """Raised when a live worker of another process has the name."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """A registered worker. `report` is its last report on its models and device.

    It is `draining` if it takes no more jobs, whether or not it still has any.
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


class Workers:
    """The register of workers. A worker whose last heartbeat is older than a lease counts as gone."""

    def __init__(self, database: Database, clock: Clock, settings: Settings, bus: Bus) -> None:
        self._database = database
        self._clock = clock
        self._lease_ms = round(settings.lease_s * 1000)
        self._bus = bus

    async def register(
        self, worker_id: str, *, host: str, pid: int, device: str, kind: WorkerKind = "sound"
    ) -> None:
        """Register a worker that is starting; it replaces one of the same name whose lease has lapsed.

        Idempotent, in case the first answer was lost. Raises SettingsError for an invalid name, and NameTaken
        while another process with the name is alive.
        """
        if not is_worker_id(worker_id):
            raise SettingsError(f"A worker's name must be {WORKER_ID_RULE}.")
        now_ms = self._clock.now_ms()
        async with self._database.transaction(durable=False):
            earliest_ms, latest_ms = self._live_heartbeats()
            if await Worker.exists().where(
                (Worker.worker_id == worker_id)
                & (Worker.heartbeat_ms >= earliest_ms)
                & (Worker.heartbeat_ms <= latest_ms)
                & ((Worker.host != host) | (Worker.pid != pid))
            ):
                raise NameTaken(f"A worker called {worker_id} is running; give this one another name.")
            await Worker.delete().where(Worker.worker_id == worker_id)
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
        """Register a worker that is starting; wait for the lease of a dead one of the same name to lapse.

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
            await asyncio.sleep(RETRY_S)

    async def record_report(self, worker_id: str, state: WorkerState, report: dict[str, Any]) -> None:
        """Record a worker's state and report as a heartbeat.

        The report may name its device, and under `makes` the models that it can make; without, it makes all.
        """
        async with self._database.transaction(durable=False):
            await record_report(
                self._database,
                worker_id,
                state=state,
                report=json.dumps(report),
                device=report.get("device"),
                makes=written_models(report.get("makes")),
                now_ms=self._clock.now_ms(),
            )
        self._bus.publish(Event("status"))

    async def last_heartbeat_ms(self, worker_id: str) -> int | None:
        """Return when a worker last reported; None if it is not registered."""
        row = await Worker.select(Worker.heartbeat_ms).where(Worker.worker_id == worker_id).first()
        return int(row["heartbeat_ms"]) if row else None

    async def remove(self, worker_id: str) -> None:
        """Remove a worker that has stopped."""
        async with self._database.transaction(durable=False):
            await Worker.delete().where(Worker.worker_id == worker_id)
        self._bus.publish(Event("status"))

    async def forget_silent(self) -> None:
        """Remove workers that have been silent for ten leases."""
        earliest_ms, latest_ms = self._live_heartbeats(10)
        async with self._database.transaction(durable=False):
            await Worker.delete().where(
                (Worker.heartbeat_ms < earliest_ms) | (Worker.heartbeat_ms > latest_ms)
            )

    async def alive(self) -> list[WorkerInfo]:
        """Return the workers that reported within a lease, oldest first."""
        earliest_ms, latest_ms = self._live_heartbeats()
        rows = await (
            Worker.select(
                Worker.worker_id,
                Worker.host,
                Worker.pid,
                Worker.device,
                Worker.state,
                Worker.started_ms,
                Worker.heartbeat_ms,
                Worker.report,
                Worker.kind,
                Worker.is_draining,
            )
            .where((Worker.heartbeat_ms >= earliest_ms) & (Worker.heartbeat_ms <= latest_ms))
            .order_by(Worker.started_ms, Worker.worker_id)
        )
        return [_info(row) for row in rows]

    async def on_duty(self) -> list[WorkerProfile]:
        """Return the live workers that take jobs, oldest first; speech workers take none."""
        rows = await workers_on_duty(self._database, *self._live_heartbeats())
        return [
            WorkerProfile(
                row["worker_id"], row["device"], *_served(row["report"]), makes=read_models(row["makes"])
            )
            for row in rows
        ]

    def _live_heartbeats(self, leases: int = 1) -> tuple[int, int]:
        """Return the range of a live worker's heartbeat.

        A later one dates from before a clock was set back.
        """
        now_ms = self._clock.now_ms()
        return now_ms - leases * self._lease_ms, now_ms + leases * self._lease_ms


def _info(row: dict[str, Any]) -> WorkerInfo:
    is_draining = row.pop("is_draining") and row["state"] != "stopping"
    changed = {"report": json.loads(row["report"]), **({"state": "draining"} if is_draining else {})}
    return WorkerInfo(**row | changed)


@lru_cache(maxsize=256)
def _served(report: str) -> tuple[Mapping[str, str], Mapping[str, int]]:
    """Return each model's engine and batch slots from a report.

    Cached: reports change seldom and are read often.
    """
    models = json.loads(report).get("models", {})
    return (
        {model: entry["engine"] for model, entry in models.items()},
        {model: entry.get("places", 1) for model, entry in models.items()},
    )
