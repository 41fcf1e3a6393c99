"""Who asks for what, and what that takes: the same for every policy that is compared."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from webapp.policy.queue.speed import LinearWork

DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Model:
    """A model: its share of the jobs, what a clip takes on a device of speed 1, what loading takes."""

    share: float
    work: LinearWork
    load_s: float


@dataclass(frozen=True, slots=True)
class Device:
    """Workers of one kind; work and loading take `slower` times as long."""

    share: float
    slower: float


@dataclass(frozen=True, slots=True)
class Customers:
    """The accounts of a tier: their share of the jobs and the lengths they ask for."""

    share: float
    durations_s: tuple[float, ...]


MODELS: Final = {
    "music": Model(0.55, LinearWork(6.0, 3.0), 30.0),
    "audio": Model(0.30, LinearWork(6.0, 2.5), 25.0),
    "magnet": Model(0.15, LinearWork(3.0, 1.0), 20.0),
}
DEVICES: Final = {"cuda:0": Device(0.7, 1.0), "cuda:1": Device(0.3, 1.8)}
CUSTOMERS: Final = {
    "admin": Customers(0.01, (8, 30)),
    "creator": Customers(0.10, (15, 30, 60, 120, 180)),
    "premium": Customers(0.19, (8, 15, 30, 60, 120)),
    "supporter": Customers(0.25, (8, 15, 30, 60)),
    "free": Customers(0.45, (5, 8, 15, 30)),
}


@dataclass(frozen=True, slots=True)
class World:
    """Workers and habits. Rates per attempt or per job; times in seconds."""

    workers: int = 100
    # Waiting and processing together, as the setting has it: 10 waiting for each worker.
    queue_limit: int = 1_100
    noise: float = 0.25
    failed_attempts: float = 0.03
    crashed_attempts: float = 0.002
    crash_noticed_s: float = 8.0
    skipping: float = 0.03
    skipping_after_s: float = 180.0
    cancelling: float = 0.03
    cancelling_after_s: float = 600.0
    # How much more is asked for in the busiest hour of the day than on average, as a share.
    daily_swing: float = 0.3
    devices: dict[str, Device] = field(default_factory=lambda: DEVICES)
    models: dict[str, Model] = field(default_factory=lambda: MODELS)

    def device_of(self, worker: int) -> str:
        """Workers in the order of the devices' shares."""
        place, so_far = (worker + 0.5) / self.workers, 0.0
        for name, device in self.devices.items():
            so_far += device.share
            if place < so_far:
                return name
        return name

    def jobs_per_s(self) -> float:
        """The capacity: what the workers do first come first served, never idle, loading as it comes."""
        mean_length_s = sum(
            one.share * sum(one.durations_s) / len(one.durations_s) for one in CUSTOMERS.values()
        )
        work_s = sum(model.share * model.work.work_s(mean_length_s) for model in MODELS.values())
        work_s *= math.exp(self.noise**2 / 2) * (1 + (self.failed_attempts + self.crashed_attempts) / 2)
        loading_s = sum(model.share * (1 - model.share) * model.load_s for model in MODELS.values())
        speed = sum(1 / self.devices[self.device_of(worker)].slower for worker in range(self.workers))
        return speed / (work_s + loading_s)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A job as it comes in, with everything that chance decides about it.

    `failures` attempts fail after `failing_share` of their work. The owner skips or cancels after so
    long if the job still waits then; None for never.
    """

    at_ms: int
    tier: str
    model: str
    duration_s: float
    noise: float
    failures: int
    crashes: int
    failing_share: float
    skip_after_ms: int | None
    cancel_after_ms: int | None


def arrivals(world: World, *, load: float, days: float, seed: int) -> Iterator[Arrival]:
    """Jobs at `load` times the capacity, by a Poisson process whose rate swings over the day."""
    chance = Random(seed)
    busiest_per_ms = world.jobs_per_s() * load * (1 + world.daily_swing) / 1000
    tiers, tier_shares = list(CUSTOMERS), [customers.share for customers in CUSTOMERS.values()]
    models, model_shares = list(MODELS), [model.share for model in MODELS.values()]
    at_ms = 0.0
    while (at_ms := at_ms + chance.expovariate(busiest_per_ms)) < days * DAY_MS:
        rate = 1 + world.daily_swing * math.sin(2 * math.pi * at_ms / DAY_MS)
        if chance.random() * (1 + world.daily_swing) > rate:
            continue
        (tier,) = chance.choices(tiers, tier_shares)
        yield Arrival(
            at_ms=int(at_ms),
            tier=tier,
            model=chance.choices(models, model_shares)[0],
            duration_s=chance.choice(CUSTOMERS[tier].durations_s),
            noise=chance.lognormvariate(0, world.noise),
            failures=_in_a_row(chance, world.failed_attempts),
            crashes=_in_a_row(chance, world.crashed_attempts),
            failing_share=chance.random(),
            skip_after_ms=_after_ms(chance, world.skipping, world.skipping_after_s),
            cancel_after_ms=_after_ms(chance, world.cancelling, world.cancelling_after_s),
        )


def _in_a_row(chance: Random, probability: float) -> int:
    count = 0
    while chance.random() < probability:
        count += 1
    return count


def _after_ms(chance: Random, probability: float, mean_s: float) -> int | None:
    return int(chance.expovariate(1 / mean_s) * 1000) if chance.random() < probability else None
