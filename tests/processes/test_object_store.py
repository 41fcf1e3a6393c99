"""Servers and workers with data folders of their own, over PostgreSQL and an object store."""

import io
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.object_stores import ObjectStore, Relay, relay_to
from tests.running import START_S, Installation, installed

pytestmark = pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
MakeHost = Callable[..., Installation]


@pytest.fixture
def relay(object_store: ObjectStore) -> Iterator[Relay]:
    with relay_to(object_store.endpoint) as relay:
        yield relay


@pytest.fixture
def host(
    object_store: ObjectStore,
    relay: Relay,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[MakeHost]:
    """Makes hosts: a data folder each, the same database, and the same bucket unless told otherwise."""
    for name, value in object_store.environment(relay.endpoint).items():
        monkeypatch.setenv(name, value)
    bucket = object_store.make_bucket()
    with ExitStack() as stack:

        def make(name: str, *, storage_url: str = f"s3://{bucket}/loom", **settings: object) -> Installation:
            given = {"workers": 0, "speech_workers": 0, "engine": "sketch", **settings}
            return stack.enter_context(
                installed(tmp_path / name, database_url, storage_url=storage_url, **given)
            )

        yield make


def _until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does and tells nobody of."""
    deadline_s = time.monotonic() + START_S
    while not is_so():
        assert time.monotonic() < deadline_s
        time.sleep(0.05)


def test_a_sound_is_made_on_one_host_and_played_taken_along_and_deleted_on_another(
    host: MakeHost, tmp_path: Path
) -> None:
    web, worker = host("web"), host("worker")
    client = web.serve().client(web.token())
    worker.start("worker")
    job = client.wait_for(client.submit(duration=2, seed=1), "completed")
    whole = client.http.get(job["audio_url"])
    assert whole.status_code == 200
    assert whole.content[:4] == b"RIFF"
    part = client.http.get(job["audio_url"], headers={"range": "bytes=1000-300000"})
    assert (part.status_code, part.content) == (206, whole.content[1000:300_001])
    assert (
        client.http.get(job["audio_url"], headers={"if-none-match": whole.headers["etag"]}).status_code == 304
    )
    assert client.http.get(job["spectrogram_url"]).content[1:4] == b"PNG"
    exported = client.http.get("/api/library/export", params={"formats": "wav", "ids": job["generation_id"]})
    with zipfile.ZipFile(io.BytesIO(exported.content)) as archive:
        assert archive.testzip() is None
        assert any(name.endswith(".wav") for name in archive.namelist())
    (tmp_path / "export.zip").write_bytes(exported.content)
    assert client.http.delete(f"/api/library/{job['generation_id']}").status_code == 204
    assert client.http.get(job["audio_url"]).status_code == 404
    # The worker's host imports it again, and the web's host plays it.
    brought = worker.command("import", str(tmp_path / "export.zip"), "--owner", "ann")
    assert brought.stdout.startswith("1 sounds imported"), brought.stderr
    assert client.http.get(job["audio_url"]).status_code == 200
    for installation in (web, worker):
        assert not list(installation.data_dir.glob("sounds/**/*.wav"))
        assert list((installation.data_dir / "staging").iterdir()) == []
    assert web.command("backup", str(tmp_path / "backup")).returncode == 0
    assert len(list((tmp_path / "backup" / "sounds").glob("*/*"))) == 5


def test_a_store_that_is_away_makes_jobs_wait(host: MakeHost, relay: Relay, tmp_path: Path) -> None:
    web, worker = host("web"), host("worker")
    client = web.serve().client(web.token())
    log = tmp_path / "worker.log"
    worker.start("worker", log=log)
    _until(lambda: "worker ready" in log.read_text())
    relay.cut()
    job_id = client.submit(duration=1)
    _until(lambda: "the storage is not to be had for now" in log.read_text())
    assert client.job(job_id)["status"] == "processing"
    ready = client.http.get("/readyz")
    assert (ready.status_code, "storage" in ready.text) == (503, True)
    assert client.http.get("/healthz").status_code == 200
    relay.restore()
    job = client.wait_for(job_id, "completed")
    assert job.get("retry_count", 0) == 0
    assert client.http.get(job["audio_url"]).status_code == 200
    assert client.http.get("/readyz").status_code == 200


def test_no_process_starts_with_another_storage(host: MakeHost) -> None:
    web = host("web")
    web.serve()
    stranger = host("stranger", storage_url="")
    for command in (["serve"], ["worker"], ["speech-worker"], ["user", "list"]):
        refused = stranger.command(*command)
        assert refused.returncode != 0
        said = refused.stderr.strip().splitlines()[-1]
        assert "is not the one of this database: it has no storage.id" in said
    assert host("third").command("user", "list").returncode == 0
