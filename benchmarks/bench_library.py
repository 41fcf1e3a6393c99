"""Measures how fast the library answers with 100,000 sounds, on both databases: `make bench-library`.

Every request that is timed by itself comes after a commit by another process, so that no answer is one
that was kept. Deep is the page in the middle of a list, the farthest from both of its ends.
"""

import argparse
import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from urllib.parse import urlencode

import httpx

from benchmarks.library_data import COMMON, FREQUENT, RARE, fill_library
from benchmarks.load import Generator, Order, request
from benchmarks.report import keep, machine
from benchmarks.servers import data_folder, postgres, serve
from webapp.database import Database, engine_from
from webapp.services.container import open_services
from webapp.settings import Settings

WORDS: Final = {"no search": None, "common": COMMON, "rare": RARE, "absent": "zyzzyva"}
SORTS: Final = (None, "created", "votes", "plays", "duration", "quality")
PER_PAGE: Final = 20
COMMITS_PER_S: Final = 10


class Writer:
    """Another process's part: commits, from a thread of its own."""

    def __init__(self, settings: Settings) -> None:
        self._loop = asyncio.new_event_loop()
        self._database = Database(engine_from(settings))
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._run(self._database.open())

    def commit(self) -> None:
        """Change something that has nothing to do with the library."""
        self._run(self._database.fetch("UPDATE queue_state SET version = version + 1"))

    def close(self) -> None:
        self._run(self._database.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _run(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()  # type: ignore[arg-type]


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure the library.")
    arguments.add_argument("--sounds", type=int, default=100_000)
    arguments.add_argument("--samples", type=int, default=25)
    arguments.add_argument("--seconds", type=float, default=2.0)
    options = arguments.parse_args()
    where = machine()
    print(" ".join(f"{name}={value}" for name, value in where.items()))
    figures: dict[str, object] = {"sounds": options.sounds}
    figures["sqlite"] = measure("SQLite", options)
    with postgres() as url:
        figures["postgres"] = measure("PostgreSQL", options, url)
    keep("library", where, figures)


def measure(title: str, options: argparse.Namespace, url: str = "") -> dict[str, object]:
    """One database: every list by itself, then the first page under load."""
    with ExitStack() as stack:
        settings = Settings(
            data_dir=str(stack.enter_context(data_folder())),
            database_url=url,
            port=0,
            workers=0,
            searches_per_address=10**6,
        )
        began = time.perf_counter()
        asyncio.run(fill(settings, options.sounds))
        print(f"\n{title}: {options.sounds} sounds in {time.perf_counter() - began:.0f} s")
        _, port = stack.enter_context(serve(settings))
        writer = Writer(settings)
        stack.callback(writer.close)
        return {
            "alone": measure_alone(port, writer, options.samples),
            "first_page": measure_load(port, writer, options.seconds),
        }


async def fill(settings: Settings, sounds: int) -> None:
    async with open_services(settings) as services:
        await fill_library(services.database, sounds)


def measure_alone(port: int, writer: Writer, samples: int) -> dict[str, dict[str, float]]:
    """Each list's first and middle page, one request after the other."""
    figures: dict[str, dict[str, float]] = {}
    print(f"{'search':12}{'sort':10}{'total':>8}{'first p50':>11}{'p95':>8}{'deep p50':>11}{'p95':>8}   ms")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        for name, word in WORDS.items():
            for sort in SORTS:
                asked = {"q": word, "sort": sort}
                query = {key: value for key, value in asked.items() if value}
                total = client.get("/api/library", params=query).json()["total"]
                middle = max(1, total // PER_PAGE // 2)
                row: dict[str, float] = {"total": total}
                for place, page in (("first", 1), ("deep", middle)):
                    path = f"/api/library?{urlencode({**query, 'page': page})}"
                    took_ms = sorted(timed(client, path, writer) for _ in range(samples))
                    row[f"{place}_p50_ms"] = round(statistics.median(took_ms), 2)
                    row[f"{place}_p95_ms"] = round(took_ms[int(len(took_ms) * 0.95)], 2)
                figures[f"{name}, {sort or 'default'}"] = row
                print(
                    f"{name:12}{sort or '-':10}{total:8}{row['first_p50_ms']:11.1f}{row['first_p95_ms']:8.1f}"
                    f"{row['deep_p50_ms']:11.1f}{row['deep_p95_ms']:8.1f}",
                    flush=True,
                )
    return figures


def timed(client: httpx.Client, path: str, writer: Writer) -> float:
    """Return how long one answer takes that nobody could have kept, in ms."""
    writer.commit()
    began = time.perf_counter()
    client.get(path).raise_for_status()
    return 1000 * (time.perf_counter() - began)


def measure_load(port: int, writer: Writer, seconds: float) -> dict[str, dict[str, float]]:
    """First pages per second at 64 connections, in quiet and while others commit."""
    figures: dict[str, dict[str, float]] = {}
    generator = Generator()
    print(f"{'first page, 64 connections':44}{'bytes':>8}{'/s':>8}{'p50':>8}{'p99':>8} ms")
    try:
        for name, query in (("newest", {}), ("by plays", {"sort": "plays"}), ("search", {"q": FREQUENT})):
            path = f"/api/library?{urlencode(query)}"
            order = Order(port, 64, seconds, [request("GET", path)])
            for way in ("quiet", f"{COMMITS_PER_S} commits/s"):
                with committing(writer, is_on=way != "quiet"):
                    result = generator.run(order)
                assert result.statuses.keys() == {"200"}, result
                size = len(httpx.get(f"http://127.0.0.1:{port}{path}").content)
                figures[f"{name}, {way}"] = {
                    "bytes": size, "per_second": result.per_second, "p50_ms": result.p50_ms,
                    "p99_ms": result.p99_ms,
                }  # fmt: skip
                shown = f"{result.per_second:8.0f}{result.p50_ms:8.1f}{result.p99_ms:8.1f}"
                print(f"{name + ', ' + way:44}{size:8}{shown}")
    finally:
        generator.end()
    return figures


@contextmanager
def committing(writer: Writer, *, is_on: bool) -> Iterator[None]:
    """Commits so many times a second for as long as the block lasts."""
    ended = threading.Event()

    def commit() -> None:
        while is_on and not ended.wait(1 / COMMITS_PER_S):
            writer.commit()

    thread = threading.Thread(target=commit)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


if __name__ == "__main__":
    main()
