"""Random `kill -9`s of server and workers under load: no job is lost, doubled or torn, no balance wrong.

Twenty of them in the ordinary suite, half on each database; `make chaos` makes twenty times as many.
"""

import asyncio
import os
import random
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
import soundfile

from tests.running import START_S, Installation, Server, installed, kill
from webapp.database import Database, engine_from
from webapp.settings import load_settings

pytestmark = [pytest.mark.share, pytest.mark.slow]

KILLS = int(os.environ.get("CHAOS_KILLS", "10"))
SEED = int(os.environ.get("CHAOS_SEED", "1"))
CLIENTS = 4
AURA = 100_000
FILES = {"sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png"}


@dataclass
class Ledger:
    """What the clients were told, and a count of it that others can wait on."""

    accepted: dict[str, float] = field(default_factory=dict)
    asked_to_cancel: set[str] = field(default_factory=set)
    cancelled: set[str] = field(default_factory=set)
    skipped: set[str] = field(default_factory=set)
    told: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def note(self) -> None:
        with self.changed:
            self.told += 1
            self.changed.notify_all()

    def wait_for_more(self, count: int) -> None:
        """Wait until the clients were told so many things more."""
        with self.changed:
            target = self.told + count
            assert self.changed.wait_for(lambda: self.told >= target, timeout=START_S), (
                "the service stands still"
            )


class LoadClient(threading.Thread):
    """Submits, skips and cancels, and asks again, with the same key, whenever an answer does not come."""

    def __init__(self, url: str, token: str, seed: int, ledger: Ledger, stop: threading.Event) -> None:
        super().__init__(name=f"client-{seed}")
        self._http = httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=httpx.Timeout(5)
        )
        self._random = random.Random(seed)
        self._ledger = ledger
        self._stop_asked = stop
        self.failure: BaseException | None = None

    def run(self) -> None:
        try:
            with self._http:
                while not self._stop_asked.is_set():
                    self._one_job()
        except BaseException as failure:
            self.failure = failure
            raise

    def _one_job(self) -> None:
        duration_s = self._random.choice([1, 1.5, 2, 12])
        body = {"prompt": self._random.choice(["rain", "piano", "wind"]), "duration": duration_s}
        answer = self._until_answered("/generate", body)
        if answer.status_code != 201:
            # The queue is full or the account's share of it is: wait for anything to happen.
            assert answer.status_code in (429, 503), answer.text
            self._stop_asked.wait(0.05)
            return
        job_id = answer.json()["job_id"]
        self._ledger.accepted[job_id] = duration_s
        self._ledger.note()
        if (
            self._random.random() < 0.3
            and self._until_answered(f"/api/queue/{job_id}/skip").status_code == 200
        ):
            self._ledger.skipped.add(job_id)
        if self._random.random() < 0.2:
            self._ledger.asked_to_cancel.add(job_id)
            if self._until_answered(f"/api/queue/{job_id}/cancel").status_code == 200:
                self._ledger.cancelled.add(job_id)
        self._ledger.note()

    def _until_answered(self, path: str, body: dict[str, object] | None = None) -> httpx.Response:
        headers = {"Idempotency-Key": uuid.UUID(int=self._random.getrandbits(128)).hex}
        while True:
            try:
                answer = self._http.post(path, json=body, headers=headers)
            except httpx.TransportError:
                # The server is down; the pause is bounded by the test's own waiting for progress.
                self._stop_asked.wait(0.02)
                continue
            if not _is_unsure(answer):
                return answer


def _is_unsure(answer: httpx.Response) -> bool:
    """Whether the request may have been carried out all the same, so that it is sent again with its key."""
    if answer.status_code == 503:
        return "Queue is full" not in answer.text
    return answer.status_code in (409, 500)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    raised = {
        "creator_hourly": 100_000,
        "creator_at_once": 20,
        "skip_hourly": 100_000,
        "cancel_hourly": 100_000,
    }
    quick = {
        "lease_s": 1.5,
        "heartbeat_s": 0.3,
        "stop_grace_s": 0.5,
        "lost_workers_limit": 100,
        "log_level": "error",
        "speech_workers": 0,
    }
    with installed(tmp_path, database_url, **raised, **quick) as made:
        yield made


def _rows(installation: Installation, sql: str) -> list[dict[str, object]]:
    async def read() -> list[dict[str, object]]:
        database = Database(engine_from(load_settings(installation.environment)))
        await database.open()
        try:
            return await database.fetch(sql)
        finally:
            await database.close()

    return asyncio.run(read())


def _kill_at_random(installation: Installation, server: Server, ledger: Ledger, kills: int) -> Server:
    """Kill server, worker or both, so many in all, each time after something happened; the last server."""
    chance = random.Random(SEED)
    done = 0
    while done < kills:
        ledger.wait_for_more(chance.randint(1, 6))
        workers = server.workers()
        if chance.random() < 0.6:
            for worker in workers:
                kill(worker)
                done += 1
        if chance.random() < 0.6 or not workers:
            kill(server.process)
            done += 1
            server = installation.serve()
    return server


def test_nothing_accepted_is_lost_doubled_torn_or_charged_wrongly(installation: Installation) -> None:
    server = installation.serve()
    installation.environment["SOUNDLOOM_PORT"] = server.url.rpartition(":")[2]
    token = installation.token("ann", "creator", "--aura", str(AURA))
    ledger, stop = Ledger(), threading.Event()
    clients = [LoadClient(server.url, token, SEED * 100 + number, ledger, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    try:
        server = _kill_at_random(installation, server, ledger, KILLS)
    finally:
        stop.set()
        for client in clients:
            client.join(START_S)
    assert [client.failure for client in clients] == [None] * CLIENTS
    _wait_until_the_queue_is_empty(server, token)
    server.terminate()
    installation.serve().terminate()  # a start repairs what crashes left
    _check(installation, ledger)


def _wait_until_the_queue_is_empty(server: Server, token: str) -> None:
    client = server.client(token)
    while jobs := client.http.get("/queue-status").json()["jobs"]:
        client.wait_for(jobs[-1]["id"], "completed", "failed", "cancelled")


def _check(installation: Installation, ledger: Ledger) -> None:
    jobs = {str(row["job_id"]): row for row in _rows(installation, "SELECT * FROM job")}
    assert jobs.keys() == ledger.accepted.keys(), "lost, or made without being accepted"
    assert {row["status"] for row in jobs.values()} <= {"completed", "cancelled"}
    # A cancellation takes no key: one that was done just before a kill is refused when it is asked again.
    cancelled = {job_id for job_id, row in jobs.items() if row["status"] == "cancelled"}
    assert ledger.cancelled <= cancelled <= ledger.asked_to_cancel
    _check_files(installation, jobs)
    _check_balances(installation, jobs, ledger)
    assert len(ledger.accepted) >= KILLS, "too little was going on to mean anything"


def _check_files(installation: Installation, jobs: dict[str, dict[str, object]]) -> None:
    sounds = _rows(installation, "SELECT * FROM sound")
    completed = sorted(job_id for job_id, row in jobs.items() if row["status"] == "completed")
    assert sorted(str(sound["job"]) for sound in sounds) == completed
    groups = {folder.name: folder for folder in (installation.data_dir / "sounds").glob("??/*")}
    assert sorted(groups) == sorted(str(sound["storage_key"]) for sound in sounds)
    for sound in sounds:
        folder = groups[str(sound["storage_key"])]
        assert {path.name for path in folder.iterdir()} == FILES
        info = soundfile.info(folder / "sound.wav")
        assert info.duration == pytest.approx(jobs[str(sound["job"])]["duration_s"], abs=0.001)
        assert sum(path.stat().st_size for path in folder.iterdir()) == sound["bytes_total"]


def _check_balances(installation: Installation, jobs: dict[str, dict[str, object]], ledger: Ledger) -> None:
    entries = _rows(installation, "SELECT kind, amount, job_id FROM aura_entry")
    balance = _rows(installation, "SELECT aura_balance FROM account")[0]["aura_balance"]
    assert balance == sum(int(str(entry["amount"])) for entry in entries)
    charged = [entry["job_id"] for entry in entries if entry["kind"] == "skip"]
    refunded = [entry["job_id"] for entry in entries if entry["kind"] == "refund"]
    assert sorted(map(str, charged)) == sorted(ledger.skipped)
    cancelled = {job_id for job_id, row in jobs.items() if row["status"] == "cancelled"}
    assert sorted(map(str, refunded)) == sorted(ledger.skipped & cancelled)
    assert {job_id for job_id, row in jobs.items() if row["skipped_ms"] is not None} == ledger.skipped
