"""Server and worker send one trace of each job to whoever the usual variables name."""

from pathlib import Path

import pytest

from tests.running import installed
from tests.traces import Receiver

EVERY = {"submit", "wait", "claim", "attempt", "generate", "finish", "write", "publish", "complete"}


@pytest.mark.slow
def test_a_collector_gets_one_trace_from_both_processes(tmp_path: Path) -> None:
    with Receiver() as receiver, installed(tmp_path, speech_workers=0) as installation:
        installation.environment |= {
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        server = installation.serve()
        client = server.client(installation.token())
        client.wait_for(client.submit(duration=1), "completed")
        processes = receiver.processes_by_span("POST /generate", until="attempt")
        assert processes["POST /generate"] == "web"
        assert processes["attempt"] == "worker"
        assert server.terminate() == 0
    # A process that ends sends the rest.
    assert receiver.processes_by_span("POST /generate", until="complete").keys() >= EVERY
