"""Log lines that cannot be written, or not yet: they are lost and counted, and nobody waits for them."""

import json
import logging
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from webapp.log_output import LineOutput
from webapp.logs import LOST, ROOT_LOGGER, configure_logging
from webapp.settings import Settings

FULL = Path("/dev/full")
PIPE_BYTES = 65_536
LINE = b"x" * 99 + b"\n"


def _loss(lines: int) -> bytes:
    return f"lost {lines}\n".encode()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    yield reading, writing
    for number in (reading, writing):
        try:
            os.close(number)
        except OSError:
            continue


def test_lines_are_written_in_their_order(pipe: tuple[int, int]) -> None:
    output = LineOutput(pipe[1], _loss)
    for number in range(100):
        output.put(f"{number}\n".encode())
    output.drain()
    assert os.read(pipe[0], PIPE_BYTES).decode().split() == [str(number) for number in range(100)]


def test_what_a_stopped_reader_leaves_is_bounded_and_the_rest_counted(pipe: tuple[int, int]) -> None:
    output = LineOutput(pipe[1], _loss, max_waiting_bytes=10 * len(LINE))
    # More than the pipe takes, so that the thread stands still in the middle of a line.
    output.put(LINE * 10)
    for _ in range(PIPE_BYTES // len(LINE) + 200):
        output.put(LINE)
        output.drain(0.001)
    assert output.waiting_bytes <= 10 * len(LINE)
    assert output.lost_lines > 0
    text = bytearray()
    reader = threading.Thread(target=lambda: _read_until(pipe[0], b"lost", text))
    reader.start()
    while reader.is_alive():
        output.put(LINE)
        output.drain(0.01)
    reader.join()
    (told,) = [line for line in bytes(text).splitlines() if line.startswith(b"lost")]
    assert int(told.split()[1]) > 0


def _read_until(number: int, wanted: bytes, text: bytearray) -> None:
    while wanted not in text or not text.endswith(b"\n"):
        text += os.read(number, PIPE_BYTES)


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_a_full_disk_costs_lines_and_says_so_once_there_is_room(tmp_path: Path) -> None:
    number = os.open(FULL, os.O_WRONLY)
    output = LineOutput(number, _loss)
    output.put(LINE * 3)
    output.drain()
    room = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(room, number)
    output.put(b"again\n")
    output.drain()
    assert (tmp_path / "log").read_bytes() == b"lost 3\nagain\n"
    os.close(room)
    os.close(number)


def test_a_reader_that_is_gone_costs_lines_only(pipe: tuple[int, int]) -> None:
    os.close(pipe[0])
    output = LineOutput(pipe[1], _loss)
    for _ in range(3):
        output.put(LINE)
        output.drain()
    assert output.lost_lines == 3


@pytest.fixture
def own_logging() -> Iterator[None]:
    """The process's logging is as before afterwards."""
    root, own = logging.getLogger(), logging.getLogger(ROOT_LOGGER)
    kept, levels = root.handlers[:], (root.level, own.level)
    yield
    root.handlers[:] = kept
    root.setLevel(levels[0])
    own.setLevel(levels[1])


@pytest.mark.usefixtures("own_logging")
def test_what_cannot_be_encoded_is_escaped(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w", encoding="latin-1") as stream:
        configure_logging(Settings(), stream)
        logging.getLogger("webapp.tests").warning("rain \u96e8 \udce9")
        logging.getLogger().handlers[0].flush()
    assert (tmp_path / "log").read_text(encoding="latin-1").endswith("rain \\u96e8 \\udce9\n")


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
@pytest.mark.usefixtures("own_logging")
def test_a_loss_is_told_as_a_line_of_the_log(tmp_path: Path) -> None:
    with FULL.open("w") as stream:
        configure_logging(Settings(log_format="json"), stream)
        handler = logging.getLogger().handlers[0]
        logging.getLogger("webapp.tests").warning("one \udce9")
        handler.flush()
        with (tmp_path / "log").open("w") as room:
            os.dup2(room.fileno(), stream.fileno())
        logging.getLogger("webapp.tests").warning("two")
        handler.flush()
    told = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert [line["message"] for line in told] == [LOST, "two"]
    assert told[0]["lines"] == 1
