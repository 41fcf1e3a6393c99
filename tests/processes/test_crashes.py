"""Processes killed in the middle of their work: no job is lost, none is made twice."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest

from tests.running import START_S, Client, Installation, installed, kill
from webapp.database import Database, engine_from
from webapp.settings import load_settings

# Long enough to be killed in the middle.
LONG_S = 15
# Signals and pipes know no database; what a killed process leaves in one differs.
ON_ONE_DATABASE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    with installed(tmp_path, database_url, speech_workers=0) as made:
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


def _groups_of_files(installation: Installation) -> list[str]:
    return sorted(folder.name for folder in (installation.data_dir / "sounds").glob("??/*"))


def _assert_each_made_once(installation: Installation, jobs: list[str]) -> None:
    sounds = _rows(installation, "SELECT job, storage_key FROM sound")
    assert sorted(str(sound["job"]) for sound in sounds) == sorted(jobs)
    assert _groups_of_files(installation) == sorted(str(sound["storage_key"]) for sound in sounds)
    for group in (installation.data_dir / "sounds").glob("??/*"):
        assert {path.name for path in group.iterdir()} == {
            "sound.wav", "sound.flac", "sound.ogg", "sound.mp3", "spectrogram.png",
        }  # fmt: skip


def _running(client: Client, job_id: str) -> None:
    """Wait until a job is being made, with some of it done."""
    with closing(client.follow(job_id)) as changes:
        assert any(job["status"] == "processing" and job["progress_pct"] > 0 for job in changes)


@pytest.mark.slow
def test_a_killed_worker_costs_no_job(installation: Installation) -> None:
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("slow piano over heavy rain", duration=LONG_S)
    _running(client, job_id)
    kill(server.workers()[0])
    assert client.wait_for(job_id, "completed")["duration"] == LONG_S
    _assert_each_made_once(installation, [job_id])
    rows = _rows(installation, "SELECT fence, lost_workers, retry_count FROM job")
    assert rows == [{"fence": 2, "lost_workers": 1, "retry_count": 0}]


@pytest.mark.slow
def test_everything_killed_and_started_again_completes_every_accepted_job(installation: Installation) -> None:
    server = installation.serve()
    token = installation.token()
    client = server.client(token)
    jobs = [client.submit("sea", duration=duration_s) for duration_s in (5, LONG_S, 5, 5)]
    client.wait_for(jobs[0], "completed")
    _running(client, jobs[1])
    workers = server.workers()
    kill(server.process)
    for worker in workers:
        kill(worker)
    again = installation.serve().client(token)
    for job_id in jobs:
        assert again.wait_for(job_id, "completed", "failed")["status"] == "completed"
    _assert_each_made_once(installation, jobs)


@pytest.mark.slow
def test_a_worker_that_hangs_is_killed_and_replaced(installation: Installation) -> None:
    installation.environment |= {"SOUNDLOOM_LEASE_S": "0.6", "SOUNDLOOM_HEARTBEAT_S": "0.1"}
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("slow piano over heavy rain", duration=LONG_S)
    _running(client, job_id)
    (hung,) = server.workers()
    hung.suspend()
    assert client.wait_for(job_id, "completed", "failed")["status"] == "completed"
    assert not hung.is_running()
    _assert_each_made_once(installation, [job_id])


@pytest.mark.slow
@ON_ONE_DATABASE
def test_a_worker_gives_way_to_its_server_and_dies_with_it(installation: Installation) -> None:
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("sea", duration=5)
    client.wait_for(job_id, "completed")
    (worker,) = server.workers()
    assert worker.nice() > server.process.nice()
    kill(server.process)
    worker.wait(START_S)
    assert not worker.is_running()


@pytest.mark.slow
@ON_ONE_DATABASE
def test_sigterm_hands_back_what_takes_too_long_and_ends_in_time(installation: Installation) -> None:
    installation.environment["SOUNDLOOM_STOP_GRACE_S"] = "0.05"
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("slow piano over heavy rain", duration=LONG_S)
    _running(client, job_id)
    workers = server.workers()
    asked_s = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - asked_s < 10
    assert not any(worker.is_running() for worker in workers)
    rows = _rows(installation, "SELECT status, retry_count, lost_workers FROM job")
    assert rows == [{"status": "queued", "retry_count": 0, "lost_workers": 0}]
    assert _rows(installation, "SELECT * FROM worker") == []


@pytest.mark.slow
def test_a_worker_by_itself_serves_a_server_without_any(installation: Installation) -> None:
    installation.environment["SOUNDLOOM_WORKERS"] = "0"
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("wind", duration=2)
    assert client.http.get("/status").json()["models"]["music"] == "unavailable"
    worker: psutil.Popen = installation.start("worker")
    assert client.wait_for(job_id, "completed")["status"] == "completed"
    worker.terminate()
    assert worker.wait(START_S) == 0
