"""A sound that is heard while real processes make it, and are killed."""

import io
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import soundfile

from tests.object_stores import ObjectStore
from tests.running import Client, Installation, installed, kill

pytestmark = pytest.mark.slow

# Long enough to be killed in the middle.
LENGTH_S = 60
# Whoever listens may wait for all of it.
PATIENCE_S = 300
RATE = 44_100


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    with installed(tmp_path, database_url, speech_workers=0, engine="sketch") as made:
        yield made


class Listener(threading.Thread):
    """Listens to the end, or to where it is cut off."""

    def __init__(self, client: Client, job_id: str, stream_format: str = "wav") -> None:
        super().__init__(daemon=True)
        self._http = client.http
        self._path = f"/job/{job_id}/stream?format={stream_format}"
        self.began = threading.Event()
        self.is_cut = False
        self.data = b""
        self.start()

    def run(self) -> None:
        try:
            with self._http.stream("GET", self._path, timeout=PATIENCE_S) as answer:
                for chunk in answer.iter_raw():
                    self.data += chunk
                    self.began.set()
        except httpx.RemoteProtocolError:
            self.is_cut = True

    def heard(self) -> bytes:
        """Everything, once it is over."""
        self.join(PATIENCE_S)
        assert not self.is_alive()
        return self.data


def _frames(data: bytes) -> int:
    samples, rate = soundfile.read(io.BytesIO(data), dtype="int16")
    assert rate == RATE
    return len(samples)


def test_who_listens_is_cut_off_with_the_worker_and_gets_the_whole_sound_of_the_next_attempt(
    installation: Installation,
) -> None:
    server = installation.serve()
    client = server.client(installation.token())
    job_id = client.submit("slow piano over heavy rain", duration=LENGTH_S)
    first = Listener(client, job_id)
    assert first.began.wait(PATIENCE_S)
    (worker,) = server.workers()
    kill(worker)
    cut_short = first.heard()
    assert first.is_cut
    job = client.job(job_id)
    assert job["attempt"] in {1, 2}
    assert job["interruption"] == "The worker stopped before the sound was finished"

    again, other = Listener(client, job_id), Listener(client, job_id, "mp3")
    assert again.began.wait(PATIENCE_S)
    late = Listener(client, job_id)
    whole = again.heard()
    assert not again.is_cut
    assert _frames(whole) == LENGTH_S * RATE
    # The same job has the same seed, so both attempts begin alike; and whoever comes later hears the same.
    assert whole.startswith(cut_short[: len(cut_short) // 2])
    assert late.heard() == whole
    assert abs(_frames(other.heard()) - LENGTH_S * RATE) < RATE // 10
    assert client.wait_for(job_id, "completed")["attempt"] == 2
    after = client.http.get(f"/job/{job_id}/stream?format=wav").content
    assert after == client.http.get(client.job(job_id)["audio_url"]).content


@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
def test_pieces_travel_between_hosts(
    database_url: str, object_store: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in object_store.environment().items():
        monkeypatch.setenv(name, value)
    given = {"storage_url": f"s3://{object_store.make_bucket()}/loom", "workers": 0, "speech_workers": 0}
    with (
        installed(tmp_path / "web", database_url, engine="sketch", **given) as web,
        installed(tmp_path / "worker", database_url, engine="sketch", **given) as host,
    ):
        client = web.serve().client(web.token())
        job_id = client.submit("rain", duration=10)
        early = Listener(client, job_id, "flac")
        host.start("worker")
        assert early.began.wait(PATIENCE_S)
        assert _frames(early.heard()) == 10 * RATE
        assert not early.is_cut
        assert not (tmp_path / "web" / "streams").exists()
        assert not (tmp_path / "worker" / "streams").exists()
