"""Measures how soon the server answers and a job is begun and done, and the web process's memory.

Run it as ``make bench-start``. Every time is the median of ``--runs``.
"""

import argparse
import asyncio
import json
import shutil
import statistics
import time

import httpx

from benchmarks.load import Generator, Order, request
from benchmarks.report import keep, machine, resident_mb
from benchmarks.servers import accounts, data_folder, serve
from webapp.services.container import open_services
from webapp.settings import Settings

REQUESTS = 1_000
SKETCH = {"prompt": "slow piano over heavy rain", "duration": 30, "model": "music"}


def first_answer_s(settings: Settings) -> float:
    """From the command to the first 200 of `/status`, the interpreter's own start included."""
    began = time.perf_counter()
    with serve(settings) as (_, port):
        httpx.get(f"http://127.0.0.1:{port}/status").raise_for_status()
        return time.perf_counter() - began


async def token(settings: Settings) -> str:
    async with open_services(settings) as services:
        return (await accounts(services, 1))[0][1]


def follow_job(client: httpx.Client) -> tuple[float, float]:
    """Seconds from the request to the job being in hand, and to its completion, as a listener learns it."""
    began = time.perf_counter()
    job_id = client.post("/generate", json=SKETCH).raise_for_status().json()["job_id"]
    processing_s = None
    with client.stream("GET", f"/job/{job_id}/events") as stream:
        for line in stream.iter_lines():
            if not line.startswith("data: "):
                continue
            status = json.loads(line.removeprefix("data: "))["status"]
            if processing_s is None and status != "queued":
                processing_s = time.perf_counter() - began
            if status == "completed":
                assert processing_s is not None
                return processing_s, time.perf_counter() - began
    raise AssertionError("the job did not complete")


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure starts and single jobs.")
    arguments.add_argument("--runs", type=int, default=7)
    runs = arguments.parse_args().runs
    where = machine()
    with data_folder() as folder:
        settings = Settings(data_dir=str(folder / "data"), port=0, creator_hourly=10_000)
        empty, warm = [], []
        for _ in range(runs):
            shutil.rmtree(settings.data_path, ignore_errors=True)
            settings.data_path.mkdir()
            empty.append(first_answer_s(settings))
            warm.append(first_answer_s(settings))
        secret = asyncio.run(token(settings))
        with serve(settings) as (server, port):
            headers = {"Authorization": f"Bearer {secret}"}
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=60) as client:
                jobs = [follow_job(client) for _ in range(runs + 1)][1:]
            generator = Generator()
            addresses = [request("GET", path, secret) for path in ("/status", "/api/queue", "/api/jobs")]
            asked = 0
            while asked < REQUESTS:
                asked += sum(generator.run(Order(port, 4, 0.5, addresses)).statuses.values())
            generator.end()
            memory_mb = resident_mb(server.pid)
    figures = {
        "empty_s": statistics.median(empty),
        "warm_s": statistics.median(warm),
        "web_rss_mb": memory_mb,
        "to_processing_ms": 1000 * statistics.median(one for one, _ in jobs),
        "to_completed_s": statistics.median(one for _, one in jobs),
    }
    keep("start", where, {"figures": figures, "runs": runs})
    print(" ".join(f"{name}={value:.2f}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
