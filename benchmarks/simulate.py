"""A week of the queue with 100 workers at 0.8, 1.0 and 1.2 times their capacity: ``make simulate``.

The product's order beside two baselines, plain first come first served and strict priority (skips, then
tiers, nothing else), on the same arrivals.
"""

import argparse
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter

from benchmarks.queue_simulation.calibration import Calibration, Quoting
from benchmarks.queue_simulation.run import POLICIES, Outcome, Policy, Run, percentile
from benchmarks.queue_simulation.world import CUSTOMERS, World, arrivals

LOADS = (0.8, 1.0, 1.2)
QUOTE_EVERY = 500
# One job in hand and ten waiting: the product's usual limit of 100 would leave 100 workers no line at all.
QUEUE_PER_WORKER = 11


@dataclass(frozen=True, slots=True)
class Task:
    """One run of one policy."""

    load: float
    policy: Policy
    days: float
    workers: int
    seed: int


@dataclass(frozen=True, slots=True)
class Report:
    """The printed figures of a run; waits in milliseconds: p50, p95, p99 and the longest, by tier."""

    task: Task
    outcome: Outcome
    waits_ms: dict[str, tuple[int, int, int, int]]
    calibration: Calibration


def simulate(task: Task) -> Report:
    """Run one policy. The same load and seed give the same arrivals to each policy."""
    world = World(workers=task.workers, queue_limit=QUEUE_PER_WORKER * task.workers)
    quoting = Quoting(QUOTE_EVERY) if task.policy == "product" else None
    run = Run(world, task.policy, seed=task.seed + 1, observer=quoting)
    outcome = run.run(arrivals(world, load=task.load, days=task.days, seed=task.seed))
    waits_ms = {}
    for tier, waits in outcome.waits_ms.items():
        waits.sort()
        p50, p95, p99 = (percentile(waits, percent) for percent in (50, 95, 99))
        waits_ms[tier] = (p50, p95, p99, waits[-1] if waits else 0)
    calibration = Calibration.of(quoting.quotes if quoting else [])
    return Report(task, outcome, waits_ms, calibration)


def lines(report: Report) -> list[str]:
    """A run as a table."""
    outcome, task = report.outcome, report.task
    asked = sum(len(waits) for waits in outcome.waits_ms.values()) + sum(outcome.refused.values())
    said = [
        f"load {task.load:.1f}, {task.policy}: {outcome.completed:,} completed of {asked:,} asked for",
        f"  {'tier':<10}{'p50':>9}{'p95':>9}{'p99':>9}{'longest':>9}{'starved':>9}{'refused':>9}",
    ]
    for tier in CUSTOMERS:
        waits = "".join(f"{_time(wait_ms):>9}" for wait_ms in report.waits_ms[tier])
        refused = outcome.refused[tier] / max(1, outcome.refused[tier] + len(outcome.waits_ms[tier]))
        said.append(f"  {tier:<10}{waits}{_time(outcome.starvation_ms[tier]):>9}{refused:>9.1%}")
    said.append(
        f"  models loaded before {outcome.switches / max(1, outcome.attempts):.1%} of {outcome.attempts:,}"
        f" attempts; longest starvation {_time(max(outcome.starvation_ms.values()))};"
        f" {outcome.skipped:,} skipped, {outcome.cancelled:,} cancelled, {outcome.failed:,} failed"
    )
    if report.calibration.quotes:
        said.append(
            f"  foretold waits: median error {report.calibration.median_error:.0%},"
            f" on average {report.calibration.bias:.2f} of what came ({report.calibration.quotes} quotes)"
        )
    return [*said, ""]


def _time(duration_ms: int) -> str:
    seconds = max(0, duration_ms) / 1000
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, default=7.0)
    parser.add_argument("--workers", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begun_s = perf_counter()
    tasks = [
        Task(load, policy, options.days, options.workers, options.seed)
        for load in LOADS
        for policy in POLICIES
    ]
    most = QUEUE_PER_WORKER * options.workers
    print(f"{options.days:g} days, {options.workers} workers, {most:,} jobs at most in the queue")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, {os.cpu_count()} cores\n")
    with ProcessPoolExecutor(min(len(tasks), os.cpu_count() or 1)) as pool:
        for report in pool.map(simulate, tasks):
            print("\n".join(lines(report)), flush=True)
    print(f"simulated in {perf_counter() - begun_s:.0f} s")


if __name__ == "__main__":
    main()
