"""Measures how long a worker's claim takes, by the length of the line, on both databases.

Run it as ``make bench-claim``. Claims are durable transactions, one after the other.
"""

import argparse
import asyncio
import random
import statistics
import time

from benchmarks.report import keep, machine
from benchmarks.servers import accounts, data_folder, postgres
from webapp.policy.accounts.tiers import TIER_NAMES, tier_table
from webapp.services.container import Services, open_services
from webapp.services.queue.queries import insert_jobs
from webapp.settings import Settings

LENGTHS = (1_000, 100_000)
MODELS = ("music", "audio", "magnet")
WORKER = "w" * 12
MINUTE_MS = 60_000


async def fill(services: Services, count: int) -> None:
    """A line of every tier and model; some jobs have been skipped, and some have waited too long."""
    draw = random.Random(1)
    ((identity, _),) = await accounts(services, 1)
    tiers = tier_table(services.settings)
    now_ms = services.clock.now_ms()
    rows = []
    for number in range(count):
        tier = tiers[draw.choice(TIER_NAMES)]
        created_ms = now_ms - draw.randrange(60 * MINUTE_MS)
        starves_ms = created_ms + (tier.starves_after_ms or 0)
        rows.append(
            {
                "job_id": services.ids.job_id(),
                "sequence": number + 1,
                "account": identity.account_id,
                "generation_id": services.ids.generation_id(),
                "status": "queued",
                "created_ms": created_ms,
                "prompt": "rain",
                "model": draw.choice(MODELS),
                "duration_s": 8.0,
                "is_loopable": False,
                "seed": 1,
                "seed_was_given": False,
                "tier": tier.name,
                "priority": tier.priority,
                "starves_ms": starves_ms,
            }
        )
    async with services.database.transaction():
        await insert_jobs(services.database, rows, count + 1)
        skipped = "UPDATE job SET skipped_ms = created_ms WHERE sequence % 50 = 0"
        await services.database.fetch(skipped)
    if services.database.dialect == "postgres":
        # As autovacuum does some time after so many rows came at once.
        await services.database.fetch("ANALYZE job")


async def claims_ms(services: Services, count: int) -> list[float]:
    """The time of each of so many claims; one more before them is not counted."""
    await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
    times = []
    for _ in range(count + 1):
        began = time.perf_counter()
        assert await services.queue.leases.claim(WORKER, ready=["music"])
        times.append(1000 * (time.perf_counter() - began))
    return times[1:]


async def measure(url: str, length: int, claims: int) -> dict[str, float]:
    with data_folder() as folder:
        async with open_services(Settings(data_dir=str(folder), database_url=url)) as services:
            await fill(services, length)
            times = sorted(await claims_ms(services, claims))
    return {"median_ms": statistics.median(times), "p99_ms": times[len(times) * 99 // 100]}


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure claims.")
    arguments.add_argument("--claims", type=int, default=300)
    claims = arguments.parse_args().claims
    where = machine()
    figures: dict[str, dict[str, float]] = {}
    print(f"{'':24}median ms    p99 ms")
    for length in LENGTHS:
        for name in ("sqlite", "postgres"):
            if name == "postgres":
                with postgres() as url:
                    row = asyncio.run(measure(url, length, claims))
            else:
                row = asyncio.run(measure("", length, claims))
            figures[f"{name} {length}"] = row
            print(f"{name:9}{length:8} queued{row['median_ms']:9.2f}{row['p99_ms']:10.2f}")
    keep("claim", where, figures)
    print(
        " ".join(f"claim_{name.replace(' ', '_')}_ms={row['median_ms']:.2f}" for name, row in figures.items())
    )


if __name__ == "__main__":
    main()
