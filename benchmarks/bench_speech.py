"""How soon a sentence is spoken: on an idle server, while music is made, and when no core is left over.

Run it as ``make bench-speech``. Times are from the request to its whole answer: the sound is in the library
then, in four formats and with its picture. "No core left over" adds, to the music, a process for each core
that does nothing but compute at the priority of a worker, as a neural engine would.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import psutil

from benchmarks.report import keep, machine, resident_mb
from benchmarks.servers import NO_LIMIT, accounts, data_folder, serve
from webapp.services.container import open_services
from webapp.settings import Settings
from webapp.web.supervisor import NICENESS

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it runs home."
PAGE = " ".join([SENTENCE] * 73)
MUSIC = {"prompt": "slow piano over heavy rain", "duration": 180, "model": "music"}
BUSY = (sys.executable, "-c", "while True: pass")


async def token(settings: Settings) -> str:
    async with open_services(settings) as services:
        return (await accounts(services, 1))[0][1]


def say(client: httpx.Client, text: str = SENTENCE) -> float:
    """Milliseconds from the request to the answer."""
    began = time.perf_counter()
    client.post("/api/tts/generate", json={"text": text}).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def spread(times_ms: list[float]) -> dict[str, float]:
    """The median, the 95th of 100, and the longest."""
    ordered = sorted(times_ms)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def wait_for_speech(client: httpx.Client) -> None:
    while not client.get("/api/voices").json()["total"]:
        time.sleep(0.1)
    say(client)


def keep_making(client: httpx.Client, jobs: int) -> None:
    """Put music in line, and wait until some of it is being made."""
    for _ in range(jobs):
        client.post("/generate", json=MUSIC).raise_for_status()
    while client.get("/queue-status").json()["current_job"] is None:
        time.sleep(0.05)


@contextmanager
def no_core_left() -> Iterator[None]:
    busy = [subprocess.Popen(BUSY) for _ in os.sched_getaffinity(0)]
    for process in busy:
        os.setpriority(os.PRIO_PROCESS, process.pid, NICENESS)
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def measure(client: httpx.Client, sentences: int) -> dict[str, dict[str, float]]:
    figures = {"idle": spread([say(client) for _ in range(sentences)])}
    figures["page_idle"] = {"ms": round(say(client, PAGE), 1)}
    keep_making(client, 20)
    figures["music"] = spread([say(client) for _ in range(sentences)])
    with no_core_left():
        figures["no_core_left"] = spread([say(client) for _ in range(sentences)])
        assert client.get("/queue-status").json()["current_job"], "the music ended too early"
    return figures


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure speech.")
    arguments.add_argument("--sentences", type=int, default=40)
    sentences = arguments.parse_args().sentences
    where = machine()
    with data_folder() as folder:
        settings = Settings(
            data_dir=str(folder / "data"), port=0, creator_speech_hourly=NO_LIMIT, creator_hourly=NO_LIMIT
        )
        settings.data_path.mkdir()
        secret = asyncio.run(token(settings))
        headers = {"Authorization": f"Bearer {secret}"}
        with (
            serve(settings) as (server, port),
            httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client,
        ):
            wait_for_speech(client)
            workers = [
                child for child in psutil.Process(server.pid).children() if "speech-worker" in child.cmdline()
            ]
            with ThreadPoolExecutor(64) as pool:
                began = time.perf_counter()
                together = list(pool.map(lambda _: say(client), range(64)))
                sixty_four_s = time.perf_counter() - began
            figures: dict[str, object] = {
                **measure(client, sentences),
                "together_64": {**spread(together), "per_s": round(64 / sixty_four_s, 1)},
                "worker_rss_mb": round(sum(resident_mb(worker.pid) for worker in workers), 1),
            }
    keep("speech", where, {"figures": figures, "sentences": sentences})
    for name, values in figures.items():
        print(name, values)


if __name__ == "__main__":
    main()
