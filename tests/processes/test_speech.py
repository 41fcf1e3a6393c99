"""The speech worker as a process: supervised, killed in the middle of a text, started by itself."""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from tests.running import START_S, Client, Installation, Server, kill
from webapp.database import Database, engine_from
from webapp.settings import load_settings
from webapp.web.supervisor import SPEECH_NICENESS

# Some seconds of work: long enough to be killed in the middle.
LONG = "The quick brown fox jumps over the lazy dog and runs home again. " * 12
# As long as a text may be, and a sound: longer than a server waits that stops.
ENDLESS = "Three hundred and thirty three words are said. " * 100
AWAY = "Speech is not available right now; please try again in a moment"


def speech_workers(server: Server) -> list[psutil.Process]:
    return [child for child in server.process.children() if "speech-worker" in child.cmdline()]


def say(client: Client, text: str) -> httpx.Response:
    return client.http.post("/api/tts/generate", json={"text": text})


def until(installation: Installation, sql: str) -> None:
    """Wait until a query finds something, which nothing would tell another process of."""

    async def look() -> None:
        database = Database(engine_from(load_settings(installation.environment)))
        await database.open()
        try:
            for _ in range(100 * START_S):
                if await database.fetch(sql):
                    return
                await asyncio.sleep(0.01)
            raise AssertionError(f"nothing came: {sql}")
        finally:
            await database.close()

    asyncio.run(look())


READY = "SELECT 1 AS one FROM worker WHERE kind = 'speech' AND voices <> '[]'"


def test_the_first_request_waits_for_the_worker_that_is_on_its_way(installation: Installation) -> None:
    token = installation.token()
    server = installation.serve()
    client = server.client(token)
    assert client.http.get("/status").json()["models"]["tts"] in ("loading", "ready")
    spoken = say(client, "hello")
    assert spoken.status_code == 201, spoken.text


@pytest.mark.slow
def test_a_killed_worker_costs_no_text_and_a_server_that_stops_says_so(installation: Installation) -> None:
    server = installation.serve()
    client = server.client(installation.token())
    until(installation, READY)
    (worker,) = speech_workers(server)
    assert worker.nice() == SPEECH_NICENESS
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(say, client, LONG)
        until(installation, "SELECT 1 AS one FROM speech_request WHERE status = 'processing'")
        speakers = worker.children(recursive=True)
        kill(worker)
        spoken = answer.result(60)
    assert spoken.status_code == 201, spoken.text
    until(installation, "SELECT 1 AS one FROM speech_request WHERE lost_workers = 1 AND fence = 2")
    assert client.http.get(spoken.json()["audio_url"]).status_code == 200
    # What spoke for the dead worker has ended with it.
    assert psutil.wait_procs(speakers, START_S)[1] == []
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(say, client, ENDLESS)
        until(installation, "SELECT 1 AS one FROM speech_request WHERE status = 'processing'")
        assert server.terminate() == 0
        refused = answer.result(60)
    assert (refused.status_code, refused.json()["error"]) == (503, AWAY)
    until(installation, "SELECT 1 AS one FROM speech_request WHERE status = 'failed'")


@pytest.mark.slow
def test_a_speech_worker_by_itself_serves_a_server_without_any(installation: Installation) -> None:
    installation.environment["SOUNDLOOM_WORKERS"] = "0"
    server = installation.serve()
    client = server.client(installation.token())
    refused = say(client, "hello")
    assert (refused.status_code, refused.json()["error"]) == (503, AWAY)
    assert client.http.get("/status").json()["models"]["tts"] == "unavailable"
    worker = installation.start("speech-worker")
    until(installation, READY)
    assert say(client, "hello").status_code == 201
    assert client.http.get("/status").json()["models"]["tts"] == "ready"
    worker.terminate()
    assert worker.wait(START_S) == 0
    assert say(client, "hello").status_code == 503


def test_the_speech_worker_never_imports_torch(tmp_path: Path) -> None:
    script = "import sys, webapp.speech.main; print([name for name in sys.modules if name in {heavy}])"
    heavy = {"torch", "transformers", "audiocraft", "webapp.engines.registry", "litestar"}
    ran = subprocess.run(
        [sys.executable, "-c", script.format(heavy=heavy)], capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "[]"
