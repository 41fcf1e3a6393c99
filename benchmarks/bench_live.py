"""Measures how soon live listeners hear of a change while jobs run, their cost, and the cost to the jobs.

Run it as ``make bench-live``. A worker generates the same jobs with and without listeners, in turn; the
changes that are timed are submissions made meanwhile. A delay counts from the moment the request for the
change is sent, so the time that accepting it takes is part of it.
"""

import argparse
import asyncio
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx

from benchmarks.listeners import Heard, Listeners, Listening
from benchmarks.report import keep, machine, resident_mb
from benchmarks.servers import NO_LIMIT, accounts, data_folder, serve
from webapp.services.container import open_services
from webapp.settings import Settings

ADDRESSES = {"pages": "/events?view=queue", "api": "/api/queue/events"}
WAITING = 40
CHANGES = 15
JOBS = 6
WORK = {"prompt": "slow piano over heavy rain", "duration": 30, "model": "music"}


async def tokens(settings: Settings) -> list[str]:
    """One token for the jobs that are timed, and more, of lower tiers, for what waits behind them."""
    async with open_services(settings) as services:
        made = await accounts(services, 9)
        async with services.database.transaction():
            await services.database.fetch("UPDATE account SET tier = 'free' WHERE username <> 'user0'")
    return [token for _, token in made]


def generate(client: httpx.Client, token: str) -> float:
    """Seconds from the submission of some jobs to the completion of the last one."""
    headers = {"Authorization": f"Bearer {token}"}
    began = time.perf_counter()
    answers = [client.post("/generate", json=WORK, headers=headers).raise_for_status() for _ in range(JOBS)]
    last = answers[-1].json()["job_id"]
    with client.stream("GET", f"/job/{last}/events", headers=headers) as stream:
        for _ in stream.iter_lines():
            pass
    return time.perf_counter() - began


def measure(path: str, options: argparse.Namespace) -> dict[str, float]:
    """One kind of stream on a server of its own, with the same jobs beside it, before it and after it."""
    with ExitStack() as stack:
        settings = Settings(
            data_dir=str(stack.enter_context(data_folder())), port=0, trusted_proxies="127.0.0.1",
            creator_hourly=NO_LIMIT, free_hourly=NO_LIMIT, free_at_once=20, cancel_hourly=NO_LIMIT,
        )  # fmt: skip
        secrets = asyncio.run(tokens(settings))
        server, port = stack.enter_context(serve(settings))
        client = stack.enter_context(httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120))
        # The line behind the timed jobs, which are of a better tier; its first jobs may get their turn.
        for number in range(WAITING):
            headers = {"Authorization": f"Bearer {secrets[1 + number % 8]}"}
            client.post("/generate", json=WORK, headers=headers).raise_for_status()
        alone = [generate(client, secrets[0])]
        before_mb = resident_mb(server.pid)
        listeners = Listeners(Listening(port, path, options.listeners, secrets[1:]))
        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(generate, client, secrets[0])
            heard = listeners.changes(options.changes)
            beside_s = working.result()
        after_mb = resident_mb(server.pid)
        listeners.end()
        alone.append(generate(client, secrets[0]))
    return {
        **described(heard),
        "kb_per_listener": 1000 * (after_mb - before_mb) / options.listeners,
        "jobs_s": beside_s,
        "jobs_alone_s": statistics.mean(alone),
    }


def described(heard: Heard) -> dict[str, float]:
    delays = sorted(heard.delays_ms)
    return {
        "p50_ms": delays[len(delays) // 2],
        "p95_ms": delays[len(delays) * 95 // 100],
        "max_ms": delays[-1],
        "missed": heard.missed,
        "accept_p50_ms": statistics.median(heard.accepted_ms),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description="Measure live listeners.")
    arguments.add_argument("--listeners", type=int, default=500)
    arguments.add_argument("--changes", type=int, default=CHANGES)
    options = arguments.parse_args()
    where = machine()
    figures = {}
    for name, path in ADDRESSES.items():
        figures[name] = measure(path, options)
        print(name, " ".join(f"{key}={value:.1f}" for key, value in figures[name].items()))
    keep("live", where, {"listeners": options.listeners, "waiting": WAITING, **figures})
    print(
        " ".join(
            f"{name}_p95_ms={row['p95_ms']:.0f} {name}_kb={row['kb_per_listener']:.0f}"
            f" {name}_speed={row['jobs_alone_s'] / row['jobs_s']:.2f}"
            for name, row in figures.items()
        )
    )


if __name__ == "__main__":
    main()
