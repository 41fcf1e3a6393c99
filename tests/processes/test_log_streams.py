"""A server whose log cannot be written goes on, with its workers."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from tests.running import START_S, installed, kill

# Far more lines than a pipe holds.
REQUESTS = 1_200


def _full() -> list[int]:
    return [os.open("/dev/full", os.O_WRONLY)]


def _closed() -> list[int]:
    return []


def _nobody() -> list[int]:
    reading, writing = os.pipe()
    os.close(reading)
    return [writing]


def _stopped() -> list[int]:
    reading, writing = os.pipe()
    return [writing, reading]


@contextmanager
def _serving(environment: dict[str, str], numbers: list[int]) -> Iterator[tuple[psutil.Popen, str]]:
    command = [sys.executable, "-m", "webapp", "serve"]
    if not numbers:
        command = ["/bin/sh", "-c", 'exec "$@" 2>&- <&-', "sh", *command]
    process = psutil.Popen(
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=numbers[0] if numbers else None, text=True,
    )  # fmt: skip
    watchdog = threading.Timer(START_S, process.kill)
    watchdog.start()
    try:
        url = process.stdout.readline().rpartition(" ")[2].strip()
        watchdog.cancel()
        assert url.startswith("http://")
        yield process, url
    finally:
        watchdog.cancel()
        for one in (*_descendants(process), process):
            kill(one)
        process.stdout.close()


def _descendants(process: psutil.Popen) -> list[psutil.Process]:
    return process.children(recursive=True) if process.is_running() else []


def _workers(process: psutil.Popen) -> set[psutil.Process]:
    return {child for child in process.children(recursive=True) if "worker" in child.cmdline()}


@pytest.mark.parametrize("stream", [_full, _closed, _nobody, _stopped])
def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path, stream: Callable[[], list[int]]) -> None:
    numbers = stream()
    with (
        installed(tmp_path / "data", speech_workers=0) as installation,
        _serving(installation.environment, numbers) as (process, url),
        httpx.Client(base_url=url, timeout=START_S) as client,
    ):
        for _ in range(REQUESTS if stream is _stopped else 3):
            assert client.get("/healthz").status_code == 200
        while not (workers := _workers(process)):
            assert client.get("/healthz").status_code == 200
        for worker in workers:
            kill(worker)
        while not _workers(process) - workers:
            assert client.get("/healthz").status_code == 200
        process.terminate()
        assert process.wait(START_S) == 0
    for number in numbers:
        os.close(number)
