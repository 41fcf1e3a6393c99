"""A tenth of what `make simulate` runs: what the order does to people who wait, beside the baselines."""

from functools import cache

import pytest

from benchmarks.queue_simulation.calibration import Calibration, Quoting
from benchmarks.queue_simulation.run import Policy, Run
from benchmarks.queue_simulation.world import CUSTOMERS, World, arrivals
from benchmarks.simulate import LOADS, Report, Task, lines, simulate

pytestmark = [pytest.mark.share, pytest.mark.slow]

DAYS, WORKERS, SEED = 0.7, 100, 1
LIMITED = [tier for tier in CUSTOMERS if tier != "admin"]


@cache
def _report(load: float, policy: Policy) -> Report:
    return simulate(Task(load, policy, DAYS, WORKERS, SEED))


@pytest.mark.parametrize("load", LOADS)
def test_starvation_ends_within_the_time_that_the_line_before_it_takes(load: float) -> None:
    outcome = _report(load, "product").outcome
    full_line_ms = 11 * WORKERS / World(workers=WORKERS).jobs_per_s() * 1000
    assert max(outcome.starvation_ms.values()) < full_line_ms


def test_nobody_starves_below_the_capacity() -> None:
    assert max(_report(0.8, "product").outcome.starvation_ms.values()) <= 0


@pytest.mark.parametrize("load", [1.0, 1.2])
def test_overload_is_shared_every_tier_passes_its_limit_by_about_as_much(load: float) -> None:
    starvation_ms = _report(load, "product").outcome.starvation_ms
    past_ms = [starvation_ms[tier] for tier in LIMITED]
    assert min(past_ms) > 0
    assert max(past_ms) - min(past_ms) < 60_000


@pytest.mark.parametrize("load", [1.0, 1.2])
@pytest.mark.parametrize("baseline", ["fifo", "strict"])
def test_the_longest_starvation_is_a_fraction_of_the_baselines(load: float, baseline: Policy) -> None:
    product, other = (_report(load, policy).outcome.starvation_ms for policy in ("product", baseline))
    assert max(product.values()) < 0.5 * max(other.values())


@pytest.mark.parametrize("load", [1.0, 1.2])
def test_better_tiers_wait_less_than_first_come_first_served_and_free_less_than_strictly(
    load: float,
) -> None:
    product, fifo, strict = (_report(load, policy).waits_ms for policy in ("product", "fifo", "strict"))
    for tier in ("admin", "creator", "premium", "supporter"):
        assert product[tier][1] < fifo[tier][1]
    assert product["free"][1] < 0.8 * strict["free"][1]
    order = [product[tier][1] for tier in ("creator", "premium", "supporter", "free")]
    assert order == sorted(order)


@pytest.mark.parametrize("load", LOADS)
def test_affinity_loads_fewer_models(load: float) -> None:
    product, strict = _report(load, "product").outcome, _report(load, "strict").outcome
    assert product.switches / product.attempts < strict.switches / strict.attempts


@pytest.mark.parametrize("policy", ["product", "fifo", "strict"])
def test_nothing_is_lost(policy: Policy) -> None:
    world = World(workers=5, queue_limit=30)
    asked = list(arrivals(world, load=1.2, days=0.5, seed=2))
    run = Run(world, policy, seed=3)
    outcome = run.run(asked)
    in_hand = sum(worker.job is not None for worker in run.workers)
    ended = outcome.completed + outcome.failed + outcome.cancelled
    assert ended + in_hand + len(run.waiting) + sum(outcome.refused.values()) == len(asked)
    in_hand_or_line = in_hand + len(run.waiting)
    assert in_hand_or_line <= world.queue_limit
    assert sum(outcome.refused.values()) > 0


def test_the_same_seed_gives_the_same_run() -> None:
    task = Task(1.0, "product", 0.1, 10, SEED)
    assert simulate(task).outcome == simulate(task).outcome


def test_a_report_says_what_was_asked_for() -> None:
    said = "\n".join(lines(_report(1.2, "product")))
    for word in ("p50", "p95", "p99", "longest starvation", "models loaded", *CUSTOMERS):
        assert word in said


@pytest.mark.parametrize(("workers", "days", "load"), [(1, 8.0, 0.95), (4, 2.5, 0.95), (20, 0.5, 1.2)])
def test_waits_are_foretold_well_and_neither_too_long_nor_too_short(
    workers: int, days: float, load: float
) -> None:
    world = World(workers=workers, queue_limit=max(100, 11 * workers))
    quoting = Quoting(every=30)
    Run(world, "product", seed=1, observer=quoting).run(arrivals(world, load=load, days=days, seed=3))
    calibration = Calibration.of(quoting.quotes)
    assert calibration.quotes > 60
    assert calibration.median_error < 0.25
    assert 0.85 < calibration.bias < 1.2
