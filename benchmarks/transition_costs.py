"""Measures the processor time that each call of a worker takes: in the worker, and in PostgreSQL.

Unlike durations, these figures say little of what else the machine is doing.
"""

import time
from collections.abc import Awaitable, Callable

import psutil

from benchmarks.bench_claim import fill
from benchmarks.servers import data_folder
from webapp.services.container import open_services
from webapp.services.library.sounds import SoundFacts
from webapp.services.queue.leases import Claim
from webapp.settings import Settings

CALLS = 200
WARM_UP = 20
WORKER = "w" * 12
MODELS = ("music", "audio", "magnet")


async def costs(url: str, facts: SoundFacts) -> dict[str, dict[str, float]]:
    """Return milliseconds of processor time for each call, by name."""
    with data_folder() as folder:
        # The leases are to outlast the measurement, however slow the machine is meanwhile.
        settings = Settings(data_dir=str(folder), database_url=url, lease_s=3_600)
        async with open_services(settings) as services:
            await fill(services, 2 * (CALLS + WARM_UP))
            await services.workers.registry.register(WORKER, host="here", pid=1, device="cpu")
            leases, held = services.queue.leases, list[Claim]()
            backend = await services.database.fetch("SELECT pg_backend_pid() AS pid")
            postmaster = psutil.Process(backend[0]["pid"]).parent()
            assert postmaster is not None

            async def claim() -> None:
                taken = await leases.claim(WORKER, MODELS)
                assert taken is not None
                held.append(taken)

            async def claim_of_one_model() -> None:
                taken = await leases.claim(WORKER, MODELS, makes=frozenset(("audio",)))
                assert taken is not None
                await leases.hand_back(taken)

            async def keep() -> None:
                last = held[-4:]
                await leases.keep(WORKER, last, {one.job_id: 50 for one in last})

            async def complete() -> None:
                await leases.complete(held.pop(), facts)

            acts = {
                "claim": claim,
                "keep 4 jobs": keep,
                "complete": complete,
                "claim of one model, and its return": claim_of_one_model,
            }
            return {name: await _cost(act, postmaster) for name, act in acts.items()}


async def _cost(act: Callable[[], Awaitable[None]], postmaster: psutil.Process) -> dict[str, float]:
    for _ in range(WARM_UP):
        await act()
    own_s, database_s = time.process_time(), _processor_s(postmaster)
    for _ in range(CALLS):
        await act()
    own_ms = 1000 * (time.process_time() - own_s) / CALLS
    database_ms = 1000 * (_processor_s(postmaster) - database_s) / CALLS
    return {"worker_ms": round(own_ms, 2), "database_ms": round(database_ms, 2)}


def _processor_s(postmaster: psutil.Process) -> float:
    times = [process.cpu_times() for process in (postmaster, *postmaster.children(recursive=True))]
    return sum(one.user + one.system for one in times)
