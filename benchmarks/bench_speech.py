"""Measures how soon a sentence is spoken: on an idle server, and beside sketch and MusicGen.

Run it as ``make bench-speech``. Times are from the request to its whole answer: the sound is in the library
then, in four formats and with its picture. "First sound" is the first piece of a streamed page of text.
MusicGen has its published small shape and random weights, and
decodes on every core. "No core left over" adds, to sketch, a process for each core that does nothing but
compute at the priority of a worker.
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
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.full_size import write_full_size
from benchmarks.report import keep, machine, resident_mb
from benchmarks.servers import NO_LIMIT, accounts, data_folder, serve
from webapp.services.container import open_services
from webapp.settings import Settings
from webapp.web.supervisor import NICENESS
from webapp.weights.catalogue import published

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it runs home."
PAGE = " ".join([SENTENCE] * 73)
MUSIC = {"prompt": "slow piano over heavy rain", "duration": 180, "model": "music"}
MUSICGEN = "musicgen-small"
BUSY = (sys.executable, "-c", "while True: pass")


async def token(settings: Settings) -> str:
    async with open_services(settings) as services:
        return (await accounts(services, 1))[0][1]


def say(client: httpx.Client, text: str = SENTENCE) -> float:
    """Milliseconds from the request to the answer."""
    began = time.perf_counter()
    client.post("/api/tts/generate", json={"text": text}).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def first_sound(client: httpx.Client, text: str = PAGE) -> float:
    """Milliseconds from the request to the first sound of a stream, which is then left."""
    began = time.perf_counter()
    with client.stream("POST", "/api/tts/stream", json={"text": text}) as answer:
        answer.raise_for_status()
        next(answer.iter_raw())
        heard_ms = 1000 * (time.perf_counter() - began)
        client.delete(f"/api/tts/requests/{answer.headers['speech-request']}")
    return heard_ms


def spread(times_ms: list[float]) -> dict[str, float]:
    """The median, the 95th of 100, and the longest."""
    ordered = sorted(times_ms)
    return {
        "p50_ms": round(statistics.median(ordered), 1),
        "p95_ms": round(ordered[int(0.95 * (len(ordered) - 1))], 1),
        "max_ms": round(ordered[-1], 1),
    }


def refuse(client: httpx.Client) -> float:
    """Milliseconds until a text of 5,000 characters without a blank is refused: it would last too long."""
    began = time.perf_counter()
    assert client.post("/api/tts/generate", json={"text": ("Xq9" * 1667)[:5000]}).status_code == 400
    return 1000 * (time.perf_counter() - began)


def wait_for_speech(client: httpx.Client) -> None:
    while not client.get("/api/voices").json()["total"]:
        time.sleep(0.1)
    say(client)


def keep_making(client: httpx.Client, jobs: int) -> None:
    """Put music in line, and wait until some of it is being made; loading a model is another load."""
    answers = [client.post("/generate", json=MUSIC).raise_for_status() for _ in range(jobs)]
    while not client.get(answers[0].headers["location"]).json()["progress_pct"]:
        time.sleep(0.1)


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


def measure(client: httpx.Client, sentences: int) -> dict[str, object]:
    figures: dict[str, object] = {"idle": spread([say(client) for _ in range(sentences)])}
    figures["first_sound_idle"] = spread([first_sound(client) for _ in range(sentences)])
    figures["page_idle"] = {"ms": round(say(client, PAGE), 1)}
    figures["too_long_idle"] = {"ms": round(refuse(client), 1)}
    with ThreadPoolExecutor(64) as pool:
        began = time.perf_counter()
        together = list(pool.map(lambda _: say(client), range(64)))
        sixty_four_s = time.perf_counter() - began
    figures["together_64"] = {**spread(together), "per_s": round(64 / sixty_four_s, 1)}
    keep_making(client, 20)
    figures["music"] = spread([say(client) for _ in range(sentences)])
    with no_core_left():
        figures["no_core_left"] = spread([say(client) for _ in range(sentences)])
    assert client.get("/queue-status").json()["current_job"], "the music ended too early"
    return figures


def measure_with_model(client: httpx.Client, sentences: int) -> dict[str, object]:
    keep_making(client, 2)
    figures: dict[str, object] = {"musicgen": spread([say(client) for _ in range(sentences)])}
    figures["first_sound_musicgen"] = spread([first_sound(client) for _ in range(sentences)])
    assert client.get("/queue-status").json()["current_job"], "the music ended too early"
    return figures


@contextmanager
def served(folder: Path, **given: Any) -> Iterator[tuple[httpx.Client, psutil.Process]]:
    """A client of a server of its own, once speech is ready, and the server's process."""
    settings = Settings(
        data_dir=str(folder), port=0, creator_speech_hourly=NO_LIMIT, creator_hourly=NO_LIMIT, **given
    )
    settings.data_path.mkdir()
    headers = {"Authorization": f"Bearer {asyncio.run(token(settings))}"}
    with (
        serve(settings) as (server, port),
        httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120) as client,
    ):
        wait_for_speech(client)
        yield client, psutil.Process(server.pid)


def write_model(models_dir: Path) -> None:
    checkpoint = published(MUSICGEN)
    assert checkpoint is not None
    write_full_size(models_dir, checkpoint)


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure speech.")
    arguments.add_argument("--sentences", type=int, default=40)
    arguments.add_argument("--models-dir", type=Path, help="where the model is, or is to be, written")
    arguments.add_argument("--write", action="store_true", help="only write the model")
    given = arguments.parse_args()
    with data_folder() as folder:
        models_dir: Path = given.models_dir or folder / "models"
        if given.write:
            write_model(models_dir)
            return
        if not (models_dir / MUSICGEN).is_dir():
            # In a process of its own: what building takes is not what serving takes.
            command = [sys.executable, "-m", "benchmarks.bench_speech", "--write", "--models-dir"]
            subprocess.run([*command, str(models_dir)], check=True)
        where = machine()
        with served(folder / "sketch", engine="sketch") as (client, server):
            figures = measure(client, given.sentences)
            workers = [child for child in server.children() if "speech-worker" in child.cmdline()]
            figures["worker_rss_mb"] = round(sum(resident_mb(worker.pid) for worker in workers), 1)
        neural = {"engine": "audiocraft", "device": "cpu", "models_dir": str(models_dir)}
        with served(folder / "neural", **neural) as (client, _):
            figures |= measure_with_model(client, given.sentences)
    keep("speech", where, {"figures": figures, "sentences": given.sentences})
    for name, values in figures.items():
        print(name, values)


if __name__ == "__main__":
    main()
