"""Measures what grows with the library: `make bench-growth`, on both databases.

Accepting, claims, first pages and searches are timed at the services, each page after a commit, so that no
answer is one that was kept. The start is that of a server over the same data, with a folder for each sound.
"""

import argparse
import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import httpx

from benchmarks.growth_data import fill_growing
from benchmarks.library_data import COMMON, OWNERS, RARE
from benchmarks.report import keep, machine, peak_mb, processor_s, resident_mb
from benchmarks.servers import data_folder, postgres, serve
from webapp.policy.generation import GenerationChoice, SamplingChoice
from webapp.policy.library.fields import LibraryQuery
from webapp.services.accounts.identity import Identity
from webapp.services.container import Services, open_services
from webapp.services.library.queries import stored_bytes
from webapp.settings import Settings

SMALL: Final = 1_000
SOUNDS_PER_ACCOUNT: Final = 10
NO_LIMIT: Final = 10**6
WORKER: Final = "w" * 12
SUBMITTERS: Final = 16
CLAIMS: Final = 100
ROUNDS: Final = 3
# A server that uses less of the processor in a second has done what a start leaves to do.
SETTLED_S: Final = 0.1
CHOICE: Final = GenerationChoice(
    "rain", 8.0, "music", is_loopable=False, seed=None, sampling=SamplingChoice()
)
ADDED_UP: Final = "SELECT SUM(bytes_total) AS stored FROM sound"
COUNTED_ANEW: Final = "SELECT model, COUNT(*) AS total FROM library_listed GROUP BY model"

Figures = dict[str, float]


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure what grows with the library.")
    arguments.add_argument("--sounds", type=int, default=1_000_000)
    arguments.add_argument("--samples", type=int, default=25)
    arguments.add_argument("--jobs", type=int, default=600)
    options = arguments.parse_args()
    where = machine()
    print(" ".join(f"{name}={value}" for name, value in where.items()))
    figures: dict[str, object] = {"sounds": options.sounds}
    for name in ("sqlite", "postgres"):
        sizes = {str(size): _at(name, size, options) for size in (SMALL, options.sounds)}
        figures[name] = sizes
        _show(name, sizes)
    keep("growth", where, figures)


def _at(name: str, sounds: int, options: argparse.Namespace) -> Figures:
    if name == "postgres":
        with postgres() as url:
            return measure(url, sounds, options)
    return measure("", sounds, options)


def measure(url: str, sounds: int, options: argparse.Namespace) -> Figures:
    """Measure one database with so many sounds."""
    with data_folder() as folder:
        settings = Settings(
            data_dir=str(folder),
            database_url=url,
            port=0,
            workers=0,
            queue_limit=NO_LIMIT,
            creator_hourly=NO_LIMIT,
            creator_at_once=NO_LIMIT,
            storage_mb=10**9,
            account_storage_mb=10**9,
            disk_reserve_mb=0,
        )
        figures = asyncio.run(_services_figures(settings, sounds, options))
        return figures | _start_figures(settings)


async def _services_figures(settings: Settings, sounds: int, options: argparse.Namespace) -> Figures:
    began = time.perf_counter()
    async with open_services(settings) as services:
        accounts = max(OWNERS, sounds // SOUNDS_PER_ACCOUNT)
        await fill_growing(services.database, sounds=sounds, accounts=accounts)
        rows = await services.database.fetch("SELECT storage_key FROM sound")
        await asyncio.to_thread(_make_folders, settings.data_path, [row["storage_key"] for row in rows])
        print(f"{sounds} sounds, {accounts} accounts in {time.perf_counter() - began:.0f} s", flush=True)
        owners = [
            Identity(number, f"user{number - 1}", "creator", is_admin=False) for number in range(1, 101)
        ]
        figures = await _pages(services, owners[0], options.samples)
        return figures | await _queue(services, owners, options.jobs)


def _make_folders(root: Path, keys: list[str]) -> None:
    """Make the folder of each sound, without files: after a start their names are looked at."""
    for key in keys:
        (root / "sounds" / key[:2] / key).mkdir(parents=True, exist_ok=True)


async def _pages(services: Services, owner: Identity, samples: int) -> Figures:
    """The 95th percentile of first pages, searches and counts, in milliseconds."""
    admin = Identity(owner.account_id, owner.username, "admin", is_admin=True)
    browse, moderation = services.library.browse, services.library.moderation
    common = LibraryQuery(search=COMMON)
    reads: Mapping[str, Callable[[], Awaitable[object]]] = {
        "first_page": lambda: browse.public(LibraryQuery()),
        "by_plays": lambda: browse.public(LibraryQuery(sort="plays")),
        "counts": browse.counts,
        "common_word": lambda: browse.public(common),
        "common_by_plays": lambda: browse.public(LibraryQuery(search=COMMON, sort="plays")),
        "rare_word": lambda: browse.public(LibraryQuery(search=RARE)),
        "own_sounds": lambda: browse.own(owner, LibraryQuery()),
        "usage": lambda: services.accounts.usage.of(owner.account_id, owner.tier),
        "moderation": lambda: moderation.list(admin, LibraryQuery()),
        "moderation_search": lambda: moderation.list(admin, common),
        "accounts": lambda: services.admin.accounts.find(admin),
        # What accepting and counts read, and what they would read if nothing were kept.
        "stored_kept": lambda: stored_bytes(services.database, [owner.account_id]),
        "stored_added_up": lambda: services.database.fetch(ADDED_UP),
        "counts_added_up": lambda: services.database.fetch(COUNTED_ANEW),
    }
    return {f"{name}_p95_ms": await _p95_ms(services, read, samples) for name, read in reads.items()}


async def _p95_ms(services: Services, read: Callable[[], Awaitable[object]], samples: int) -> float:
    times = []
    for _ in range(samples + 1):
        await services.database.fetch("UPDATE queue_state SET version = version + 1")
        began = time.perf_counter()
        await read()
        times.append(1000 * (time.perf_counter() - began))
    return _percentile(times[1:])


async def _queue(services: Services, owners: list[Identity], jobs: int) -> Figures:
    """Jobs accepted a second, and how long claims take; the jobs are removed again."""
    rates: list[float] = []
    claims: list[float] = []
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    for _ in range(ROUNDS):
        began = time.perf_counter()
        left = iter(range(jobs))
        await asyncio.gather(*(_submit(services, owners, left) for _ in range(SUBMITTERS)))
        rates.append(jobs / (time.perf_counter() - began))
        for _ in range(CLAIMS):
            began = time.perf_counter()
            assert await services.queue.leases.claim(WORKER, ready=["music"])
            claims.append(1000 * (time.perf_counter() - began))
        await services.database.fetch("DELETE FROM job WHERE status IN ('queued', 'processing')")
    return {"accepted_per_s": round(statistics.median(rates), 1), "claim_p95_ms": _percentile(claims)}


async def _submit(services: Services, owners: list[Identity], left: Iterator[int]) -> None:
    for number in left:
        await services.queue.submissions.submit(owners[number % len(owners)], CHOICE)


def _start_figures(settings: Settings) -> Figures:
    """Time a start to the first answer; read the memory once the storage was looked through as well."""
    began = time.perf_counter()
    with serve(settings) as (server, port):
        httpx.get(f"http://127.0.0.1:{port}/status").raise_for_status()
        first_answer_s = time.perf_counter() - began
        used_s = -1.0
        while processor_s(server.pid) - used_s > SETTLED_S:
            used_s = processor_s(server.pid)
            time.sleep(1)
        return {
            "start_s": round(first_answer_s, 2),
            "processor_s": round(processor_s(server.pid), 2),
            "memory_mb": round(resident_mb(server.pid), 1),
            "peak_mb": round(peak_mb(server.pid), 1),
        }


def _percentile(values: list[float]) -> float:
    return round(sorted(values)[int(len(values) * 0.95)], 2)


def _show(name: str, sizes: Mapping[str, Figures]) -> None:
    small, large = sizes.values()
    print(f"\n{name:28}" + "".join(f"{int(size):>12,}" for size in sizes))
    for figure, value in small.items():
        print(f"{figure:28}{value:12.2f}{large[figure]:12.2f}", flush=True)


if __name__ == "__main__":
    main()
