"""Log lines for people and for machines, and access lines that are written together."""

import asyncio
import io
import json
import logging
from collections.abc import Iterator

import pytest

from webapp.logs import ACCESS_LOGGER, ROOT_LOGGER, configure_logging, log_access, request_id
from webapp.settings import Settings

logger = logging.getLogger("webapp.tests")


class Stream(io.StringIO):
    """A text that can be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self._grew = asyncio.Event()

    def write(self, text: str) -> int:
        self._grew.set()
        return super().write(text)

    async def written(self, part: str) -> None:
        while part not in self.getvalue():
            self._grew.clear()
            await self._grew.wait()


@pytest.fixture
def stream() -> Iterator[Stream]:
    """What the log says; the process's own logging is as before afterwards."""
    root, own = logging.getLogger(), logging.getLogger(ROOT_LOGGER)
    kept, levels = root.handlers[:], (root.level, own.level)
    yield Stream()
    root.handlers[:] = kept
    root.setLevel(levels[0])
    own.setLevel(levels[1])


def test_a_line_for_people(stream: Stream) -> None:
    configure_logging(Settings(), stream)
    token = request_id.set("abc")
    logger.info("done %s", "now", extra={"job": "j1"})
    request_id.reset(token)
    time, _, rest = stream.getvalue().partition(" ")
    assert rest == "info    [abc] done now job=j1\n"
    assert time.endswith("Z")
    assert len(time) == len("2026-01-01T00:00:00.000Z")


def test_a_line_for_machines(stream: Stream) -> None:
    configure_logging(Settings(log_format="json"), stream)
    try:
        raise ValueError("the cause")
    except ValueError:
        logger.exception("failed", extra={"job": "j1"})
    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("error", "webapp.tests", "failed")
    assert (line["request_id"], line["job"]) == ("-", "j1")
    assert "ValueError: the cause" in line["traceback"]


def test_a_traceback_follows_its_line(stream: Stream) -> None:
    configure_logging(Settings(), stream)
    try:
        raise ValueError("the cause")
    except ValueError:
        logger.exception("failed")
    first, second, *_ = stream.getvalue().splitlines()
    assert first.endswith("failed")
    assert second.startswith("Traceback")


async def test_access_lines_wait_for_each_other_and_keep_their_place(stream: Stream) -> None:
    configure_logging(Settings(), stream)
    log_access("GET /a 200", ms=0.1)
    log_access("GET /b 200", ms=0.2)
    assert not stream.getvalue()
    logger.info("in between")
    log_access("GET /c 200", ms=0.3)
    async with asyncio.timeout(5):
        await stream.written("/c")
    told = [line.partition("[-] ")[2] for line in stream.getvalue().splitlines()]
    assert told == ["GET /a 200 ms=0.1", "GET /b 200 ms=0.2", "in between", "GET /c 200 ms=0.3"]


async def test_access_lines_obey_the_level(stream: Stream) -> None:
    configure_logging(Settings(log_level="warning"), stream)
    log_access("GET /a 200", ms=0.1)
    logging.getLogger().handlers[0].flush()
    assert not stream.getvalue()


async def test_without_our_log_an_access_line_is_a_record_like_any(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, ACCESS_LOGGER)
    log_access("GET /a 200", ms=0.1)
    assert [record.getMessage() for record in caplog.records] == ["GET /a 200"]
