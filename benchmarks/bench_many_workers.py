"""Measures many workers on one PostgreSQL: `make bench-many-workers`.

Each worker is what `soundloom worker` is towards the database: it claims jobs, keeps all that it holds with
progress every second, and completes what is done. The engine waits instead of generating, so that hundreds
fit into one process. Another loop looks for lapsed leases as a server does.
"""

import argparse
import asyncio
import os
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from benchmarks.bench_claim import fill
from benchmarks.report import keep, machine, processor_s
from benchmarks.servers import data_folder, postgres
from benchmarks.transition_costs import costs
from webapp.database.patience import until_there
from webapp.errors import LeaseLost
from webapp.services.container import Services, open_services
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue.leases import Claim
from webapp.settings import Settings

T = TypeVar("T")

MODELS: Final = ("music", "audio", "magnet")
PROGRESS_EVERY_S: Final = 1.0
# How soon a worker looks again for what is done and what it can claim.
LOOK_S: Final = 0.1
SWEEP_EVERY_S: Final = 1.0
FACTS: Final = SoundFacts(
    engine="waiting",
    engine_label="an engine that waits",
    checkpoint="",
    license="",
    seed=1,
    duration_s=8.0,
    sample_rate=32_000,
    channels=1,
    loudness_lufs=-16.0,
    true_peak_dbtp=-1.0,
    quality_score=90,
    quality_reasons=(),
    peaks=(-1, 1),
    bytes_total=1_000,
)


@dataclass
class Measured:
    """Milliseconds of each call by its name, and what must not happen."""

    times: dict[str, list[float]] = field(default_factory=dict)
    lapsed: int = 0
    lost: int = 0
    completed: int = 0
    held_most: int = 0

    def percentile(self, name: str, share: float) -> float:
        times = sorted(self.times.get(name, [0.0]))
        return times[min(len(times) - 1, int(len(times) * share))]


class WaitingWorker:
    """A worker that holds so many jobs, each for a while."""

    def __init__(
        self,
        services: Services,
        keeping: Services,
        number: int,
        options: argparse.Namespace,
        measured: Measured,
    ) -> None:
        """`keeping` has connections of its own, so that leases are not kept behind claims that wait."""
        self._services = services
        self._leases = services.queue.leases
        self._keeping = keeping.queue.leases
        self.worker_id = f"worker-{number}"
        self._options = options
        self._measured = measured
        self._draw = random.Random(number)
        self.held: dict[Claim, float] = {}
        self.is_warm = False

    async def run(self, until_s: float) -> None:
        """Work until a time of the loop."""
        loop = asyncio.get_running_loop()
        # Processes that are started one after the other.
        await asyncio.sleep(self._draw.random() * self._options.start_s)
        await until_there(self._join)
        keeping = asyncio.create_task(self._keep_on())
        while loop.time() < until_s:
            await self._claim_all()
            await self._complete([claim for claim, ends_s in self.held.items() if ends_s <= loop.time()])
            next_s = min(self.held.values(), default=0.0)
            await asyncio.sleep(max(LOOK_S, min(next_s, until_s) - loop.time()))
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    async def _keep_on(self) -> None:
        """Keep what is held every second, whatever else is going on, as a worker's heartbeat does."""
        while True:
            await self._keep()
            await asyncio.sleep(PROGRESS_EVERY_S)

    async def _join(self) -> None:
        registry = self._services.workers.registry
        await registry.register(self.worker_id, host="here", pid=1, device="cpu")
        await registry.record_report(self.worker_id, "idle", {"models": {}})

    async def _claim_all(self) -> None:
        loop = asyncio.get_running_loop()
        while len(self.held) < self._options.jobs_each:
            name = "claim" if self.is_warm else "first claims"
            claim = await self._timed(name, lambda: self._leases.claim(self.worker_id, MODELS))
            if claim is None:
                return
            job_s = self._options.job_s * (0.5 + self._draw.random())
            # The first jobs end spread over the time of one, as in a service that has been running.
            self.held[claim] = loop.time() + (job_s if self.is_warm else job_s * self._draw.random())
        self.is_warm = True

    async def _keep(self) -> None:
        asked = list(self.held)
        progress = {claim.job_id: self._draw.randrange(100) for claim in asked}
        kept = await self._timed("keep", lambda: self._keeping.keep(self.worker_id, asked, progress))
        for claim in asked:
            if (claim.job_id, claim.fence) not in kept.held and self.held.pop(claim, None) is not None:
                self._measured.lost += 1

    async def _complete(self, claims: list[Claim]) -> None:
        for claim in claims:
            if self.held.pop(claim, None) is None:
                continue
            try:
                await self._timed("complete", partial(self._leases.complete, claim, FACTS))
            except LeaseLost:
                self._measured.lost += 1
            else:
                self._measured.completed += 1

    async def _timed(self, name: str, act: Callable[[], Awaitable[T]]) -> T:
        """Do it, again while the database has no time for it as workers do, and measure all of that."""
        began = time.perf_counter()
        try:
            return await until_there(act)
        finally:
            self._measured.times.setdefault(name, []).append(1000 * (time.perf_counter() - began))


async def _sweep(services: Services, measured: Measured, workers: list[WaitingWorker]) -> None:
    while True:
        measured.lapsed += len(await services.queue.leases.take_back_lapsed())
        measured.held_most = max(measured.held_most, sum(len(worker.held) for worker in workers))
        await asyncio.sleep(SWEEP_EVERY_S)


async def measure(url: str, options: argparse.Namespace) -> Measured:
    measured = Measured()
    with data_folder() as folder:
        settings = Settings(data_dir=str(folder), database_url=url, database_connections=options.connections)
        async with open_services(settings) as services, open_services(settings) as keeping:
            held = options.workers * options.jobs_each
            await fill(services, round(held * (2 + options.seconds / options.job_s)))
            until_s = asyncio.get_running_loop().time() + options.seconds
            workers = [
                WaitingWorker(services, keeping, number, options, measured)
                for number in range(options.workers)
            ]
            sweeping = asyncio.create_task(_sweep(services, measured, workers))
            await asyncio.gather(*(worker.run(until_s) for worker in workers))
            sweeping.cancel()
    return measured


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure many workers on one PostgreSQL.")
    arguments.add_argument("--workers", type=int, default=500)
    arguments.add_argument("--jobs-each", type=int, default=4)
    arguments.add_argument("--job-s", type=float, default=60.0, help="how long a job takes on average")
    arguments.add_argument("--start-s", type=float, default=20.0, help="time in which the workers start")
    arguments.add_argument("--seconds", type=float, default=90.0)
    arguments.add_argument("--connections", type=int, default=45, help="to claim and end; as many to keep")
    options = arguments.parse_args()
    where = machine()
    with postgres() as url:
        by_call = asyncio.run(costs(url, FACTS))
    for name, row in by_call.items():
        print(f"{name:36}", *(f"{k} {v}" for k, v in row.items()))
    with postgres() as url:
        began_s = time.perf_counter()
        own_s = processor_s(os.getpid())
        measured = asyncio.run(measure(url, options))
        share = (processor_s(os.getpid()) - own_s) / (time.perf_counter() - began_s)
    figures: dict[str, object] = {
        **vars(options),
        "held_most": measured.held_most,
        "completed": measured.completed,
        "lapsed": measured.lapsed,
        "lost": measured.lost,
        "processor_of_all_workers": round(share, 2),
        "processor_by_call": by_call,
    }
    for name in ("first claims", "claim", "keep", "complete"):
        row = {f"p{round(100 * at)}_ms": round(measured.percentile(name, at), 2) for at in (0.5, 0.95, 0.99)}
        figures[name] = {"calls": len(measured.times.get(name, [])), **row}
        print(f"{name:14}{len(measured.times.get(name, [])):8} calls", *(f"{k} {v}" for k, v in row.items()))
    keep("many_workers", where, figures)
    print(
        f"workers={options.workers} held={measured.held_most} completed={measured.completed}"
        f" claim_p95_ms={measured.percentile('claim', 0.95):.1f}"
        f" lapsed={measured.lapsed} lost={measured.lost}"
    )


if __name__ == "__main__":
    main()
