"""Starting: what is printed, and what stops a start with one clear line."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.running import PASSWORD, START_S, Installation, Server, installed


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    with installed(tmp_path_factory.mktemp("start") / "data", workers=0) as installation:
        yield installation


@pytest.fixture(scope="module")
def server(installation: Installation) -> Server:
    """A server that was started on nothing."""
    return installation.serve()


def test_the_first_start_prints_a_one_time_set_up_link(server: Server) -> None:
    assert re.fullmatch(rf"Make the admin account at {server.url}/setup\?token=[\w-]{{40,}}", server.line())


def test_with_an_admin_there_is_no_link(tmp_path: Path) -> None:
    with installed(tmp_path, workers=0) as installation:
        made = installation.command("user", "create", "root", "--admin", "--password-stdin", text=PASSWORD)
        assert made.returncode == 0
        server = installation.serve()
        assert server.terminate() == 0
        assert server.line() == ""


def test_a_second_server_on_the_same_folder_is_refused(installation: Installation, server: Server) -> None:
    second = installation.command("serve")
    assert second.returncode == 2
    assert second.stderr.startswith("soundloom: Another Soundloom server is using")
    assert second.stderr.count("\n") == 1


def test_a_wrong_setting_stops_the_start_with_one_line(tmp_path: Path) -> None:
    with installed(tmp_path, port="many") as installation:
        refused = installation.command("serve")
        assert refused.returncode == 2
        assert "SOUNDLOOM_PORT" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_taken_port_stops_the_start_with_one_line(tmp_path: Path, server: Server) -> None:
    with installed(tmp_path, port=server.url.rpartition(":")[2]) as second:
        refused = second.command("serve")
    assert refused.returncode == 2
    assert "SOUNDLOOM_PORT" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_ctrl_c_ends_the_server_cleanly(tmp_path: Path) -> None:
    with installed(tmp_path) as installation:
        server = installation.serve()
        server.process.send_signal(signal.SIGINT)
        assert server.process.wait(START_S) == 0


def test_the_data_folder_and_what_is_in_it_are_private(installation: Installation, server: Server) -> None:
    assert installation.data_dir.stat().st_mode & 0o777 == 0o700
    loose = [path.name for path in installation.data_dir.iterdir() if path.stat().st_mode & 0o077]
    assert loose == []


def test_a_server_that_has_answered_holds_nothing_heavy(installation: Installation, server: Server) -> None:
    client = server.client(installation.token())
    job_id = client.submit()
    for path in (
        "/",
        "/queue",
        "/status",
        "/queue-status",
        "/schema/openapi.json",
        f"/job/{job_id}",
        "/audio/x.wav",
    ):
        assert client.http.get(path).status_code < 500
    loaded = " ".join(mapped.path for mapped in server.process.memory_maps())
    assert "sqlite" in loaded, "or the look would prove nothing"
    for name in ("torch", "numpy", "scipy", "matplotlib", "sndfile"):
        assert name not in loaded
