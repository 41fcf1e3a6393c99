"""Workers that die, cannot be started, or refuse their settings."""

import asyncio
import dataclasses
import logging
import os
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count, pairwise
from pathlib import Path
from typing import TextIO

import msgspec
import pytest

from webapp.services.container import Services
from webapp.web.supervisor import (
    EXIT_SETTINGS,
    FIRST_DELAY_S,
    LONGEST_DELAY_S,
    Supervisor,
    restart_delay_s,
)

# Notes its start as a line in a file, and ends with the exit code that the first argument names.
SCRIPT = "import sys; open(sys.argv[2], 'a').write(sys.argv[-1] + '\\n'); sys.exit(int(sys.argv[1]))"


def test_the_delay_doubles_up_to_a_limit() -> None:
    delays = [restart_delay_s(deaths) for deaths in range(12)]
    assert delays[0] == FIRST_DELAY_S
    assert all(later == min(2 * earlier, LONGEST_DELAY_S) for earlier, later in pairwise(delays))
    assert delays[-1] == LONGEST_DELAY_S == restart_delay_s(10_000)


@asynccontextmanager
async def _supervising(services: Services, *command: str) -> AsyncIterator[tuple[Supervisor, asyncio.Event]]:
    refused = asyncio.Event()
    supervisor = Supervisor(services, 1, on_refusal=refused.set, command=command)
    running = asyncio.create_task(supervisor.run())
    try:
        yield supervisor, refused
    finally:
        supervisor.stop()
        async with asyncio.timeout(20):
            await running


@pytest.fixture
def starts(tmp_path: Path) -> Iterator[TextIO]:
    """A pipe that every started worker writes its name to."""
    path = tmp_path / "starts"
    os.mkfifo(path)
    # Open for writing too, so that reading goes on when a writer has ended.
    with os.fdopen(os.open(path, os.O_RDWR), encoding="utf-8") as pipe:
        yield pipe


async def test_a_worker_that_dies_is_started_again_under_another_name(
    services: Services, starts: TextIO, tmp_path: Path
) -> None:
    async with _supervising(services, sys.executable, "-c", SCRIPT, "1", str(tmp_path / "starts")):
        names = [await asyncio.to_thread(starts.readline) for _ in range(3)]
    assert len(set(names)) == 3


async def test_a_worker_that_cannot_be_started_costs_no_server(services: Services, tmp_path: Path) -> None:
    logged: asyncio.Queue[str] = asyncio.Queue()
    handler = logging.Handler()
    handler.emit = lambda record: logged.put_nowait(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger("webapp.web.supervisor").addHandler(handler)
    try:
        async with _supervising(services, str(tmp_path / "no such program")) as (supervisor, refused):
            async with asyncio.timeout(20):
                messages = [await logged.get() for _ in range(4)]
            assert not refused.is_set()
    finally:
        logging.getLogger("webapp.web.supervisor").removeHandler(handler)
    assert messages == ["could not start a worker", "worker died"] * 2
    assert not supervisor.was_refused


async def test_settings_with_which_a_worker_has_worked_are_not_to_blame(
    services: Services, starts: TextIO, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked, end = asyncio.Event(), tmp_path / "end"
    os.mkfifo(end)

    beats = count()

    async def is_heard_of(_worker_id: str) -> int:
        worked.set()
        return next(beats)

    quick = msgspec.structs.replace(services.settings, lease_s=0.2, heartbeat_s=0.1)
    services = dataclasses.replace(services, settings=quick)
    monkeypatch.setattr(services.workers.registry, "last_heartbeat_ms", is_heard_of)
    waits = SCRIPT.replace("; sys.exit", "; open(sys.argv[3]).read(); sys.exit")
    command = (sys.executable, "-c", waits, str(EXIT_SETTINGS), str(tmp_path / "starts"), str(end))
    async with asyncio.timeout(60), _supervising(services, *command) as (supervisor, refused):
        for _ in range(2):
            assert await asyncio.to_thread(starts.readline)
            await worked.wait()
            await asyncio.to_thread(end.write_text, "now")
        assert not refused.is_set()
    assert not supervisor.was_refused


async def test_settings_that_a_worker_refuses_end_the_server(
    services: Services, starts: TextIO, tmp_path: Path
) -> None:
    command = (sys.executable, "-c", SCRIPT, str(EXIT_SETTINGS), str(tmp_path / "starts"))
    async with _supervising(services, *command) as (supervisor, refused):
        assert await asyncio.to_thread(starts.readline)
        async with asyncio.timeout(20):
            await refused.wait()
    assert supervisor.was_refused
