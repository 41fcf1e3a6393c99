"""Waiting for a database: how long, how often, what is said, and what is not waited for."""

import asyncio
import logging
import math
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest

from webapp.database import sqlite as sqlite_engine
from webapp.database.patience import LONGEST_DELAY_S, Outage, retry_delay_s, until_there
from webapp.errors import DatabaseAway, DatabaseDamaged, SettingsError, StorageFull
from webapp.services.container import open_services
from webapp.settings import Settings

LOGGER = logging.getLogger("webapp.database.patience")


class _Alarm(logging.Handler):
    """Rings when something is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.rings = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.rings.set()


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    LOGGER.addHandler(handler)
    yield lines
    LOGGER.removeHandler(handler)


def test_pauses_grow_to_a_limit_and_are_never_those_of_others() -> None:
    shortest = [retry_delay_s(failures, lambda: 0.0) for failures in range(12)]
    longest = [retry_delay_s(failures, lambda: 1.0) for failures in range(12)]
    assert all(later >= earlier for earlier, later in pairwise(longest))
    assert longest[-1] == LONGEST_DELAY_S == retry_delay_s(10_000, lambda: 1.0)
    assert all(low > 0 and high == 2 * low for low, high in zip(shortest, longest, strict=True))


async def test_what_passes_is_tried_until_it_has_and_said_once(log: list[str]) -> None:
    failures: list[Exception] = [DatabaseAway("away"), DatabaseAway("starting"), StorageFull("full")]

    async def work() -> int:
        if failures:
            raise failures.pop(0)
        return 7

    assert await until_there(work, draw=lambda: 0.0) == 7
    assert len(log) == 2
    assert log[1] == "the database is back"


@pytest.mark.parametrize("error", [SettingsError("no"), DatabaseDamaged("no"), RuntimeError("no")])
async def test_what_does_not_pass_is_raised_at_once(error: Exception) -> None:
    tried = 0

    async def work() -> None:
        nonlocal tried
        tried += 1
        raise error

    with pytest.raises(type(error)):
        await until_there(work)
    assert tried == 1


async def test_a_bounded_wait_ends_with_the_reason() -> None:
    async def work() -> None:
        raise DatabaseAway("away")

    with pytest.raises(DatabaseAway):
        await until_there(work, for_s=0.3)


def test_an_outage_is_told_when_it_begins_and_ends(log: list[str]) -> None:
    outage = Outage(LOGGER, "it")
    for error in (None, DatabaseAway("a"), OSError("b"), None, None, StorageFull("c"), None):
        with outage:
            if error is not None:
                raise error
    assert [line.split()[:3] for line in log] == [
        ["it", "is", "not"],
        ["it", "is", "back"],
        ["it", "is", "not"],
        ["it", "is", "back"],
    ]


def test_an_error_of_ours_is_told_each_time(log: list[str]) -> None:
    outage = Outage(LOGGER, "it")
    for _ in range(2):
        with outage:
            raise ValueError
    assert log == ["it failed"] * 2


async def test_sqlite_that_another_process_keeps_to_itself_is_waited_for(
    migrated_sqlite_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_engine, "BUSY_TIMEOUT_MS", 20)
    path = tmp_path / "soundloom.sqlite"
    shutil.copy(migrated_sqlite_file, path)
    handler = _Alarm()
    LOGGER.addHandler(handler)

    async def open_once() -> bool:
        async with open_services(Settings(data_dir=str(tmp_path)), wait_s=math.inf) as services:
            return bool(await services.database.fetch("SELECT version FROM queue_state"))

    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("PRAGMA locking_mode = EXCLUSIVE")
            holder.execute("BEGIN EXCLUSIVE")
            holder.execute("UPDATE queue_state SET version = version + 1")
            holder.execute("COMMIT")
            opening = asyncio.create_task(open_once())
            async with asyncio.timeout(60):
                await handler.rings.wait()
        async with asyncio.timeout(60):
            assert await opening
    finally:
        LOGGER.removeHandler(handler)
