"""Electronics: receivers, counters, monitors, records."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    edges,
    frames,
    lowpass,
    noise,
    pulses,
    scale,
    sine,
    turns,
    wander,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.streams import (
    Filter,
    Grains,
    Phase,
    Wander,
    poisson_starts,
    pool_of,
    rows,
)
from webapp.engines.sketch.effects.things.devices import click


def _static(request: EffectRequest, rng: Rng) -> Stream:
    band_, pool, grains, fade = (
        Filter("highpass", 700, order=1),
        pool_of([click(rng, 800, 6000, 0.006) for _ in range(16)]),
        Grains(),
        Wander(rng, 1.5),
    )
    whistle = Phase()

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, scale(6, 60, request.density))
        grains.scatter(
            starts,
            rows(rng, pool, starts.size),
            np.exp(rng.normal(-0.6, 0.6, starts.size)),
            rng.uniform(-0.2, 0.2, starts.size),
        )
        drift = fade(count)
        tone = 0.02 * np.sin(whistle(2400 + 500 * drift))
        return (
            band_(rng.standard_normal((2, count)) * 0.5 + rng.standard_normal(count))
            * np.clip(0.8 + 0.15 * drift, 0.3, 1.5)
            + grains.take(count)
            + tone
        )

    return stream


def _vinyl(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains = pool_of([click(rng, 500, 5000, 0.004) for _ in range(32)]), Grains()
    rumble, hiss = Filter("bandpass", 25, 90, order=1), Filter("highpass", 2500, order=1)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, scale(8, 90, request.density))
        grains.scatter(
            starts,
            rows(rng, pool, starts.size),
            np.exp(rng.normal(-2.0, 0.9, starts.size)).clip(0, 1),
            rng.uniform(-0.7, 0.7, starts.size),
        )
        air = rng.standard_normal((2, count))
        return grains.take(count) + 0.02 * rumble(air) + 0.006 * hiss(air)

    return stream


def _geiger(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains, cluster = (
        pool_of([click(rng, 1200, 4500, 0.004) for _ in range(8)]),
        Grains(),
        Wander(rng, 0.5),
    )

    def stream(count: int) -> Signal:
        starts = poisson_starts(
            rng, count, scale(3, 60, request.density) * float(np.clip(1 + 0.4 * cluster(count)[0], 0.3, 2))
        )
        grains.scatter(starts, rows(rng, pool, starts.size), np.full(starts.size, 0.9), np.zeros(starts.size))
        return grains.take(count)

    return stream


def _sonar(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(2.2)
    hz = scale(1900, 900, request.size)
    return np.asarray(
        sine(hz, count) * decay(count, 2.0) * np.minimum(1, np.arange(count) / 400)
        + 0.15 * lowpass(noise(rng, count), 500) * decay(count, 1.0)
    )


def _monitor(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.13 * rng.uniform(0.98, 1.02))
    return edges(
        sine(scale(1150, 800, request.size), count) + 0.15 * sine(scale(2300, 1600, request.size), count),
        0.006,
        0.02,
    )


def _scratch(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(1.0, 0.49, request.speed))
    hz = 1000 * curve(count, (0, 0.3), (0.4, 2.2), (0.6, 0.5), (1, 2.0)) * (1 + 0.02 * wander(rng, count, 30))
    return bandpass(pulses(turns(hz), 0.7) + 0.3 * noise(rng, count), 300, 5000) * curve(
        count, (0, 0), (0.05, 1), (0.95, 1), (1, 0)
    )


EFFECTS = (
    endless_effect("radio_static", "device", "A radio between stations", _static),
    endless_effect("vinyl_crackle", "device", "A record crackles", _vinyl),
    endless_effect("geiger_counter", "device", "A Geiger counter", _geiger),
    event_effect("sonar", "device", "A sonar pings", _sonar, 2.0, Pacing((3.6, 2.0), 0.0), space="hall"),
    event_effect(
        "heart_monitor",
        "device",
        "A heart monitor",
        _monitor,
        0.13,
        Pacing((1.2, 0.5), 0.01, level_spread=0.02),
        space="room",
    ),
    event_effect("record_scratch", "device", "A record is scratched", _scratch, 0.7, Pacing((1.4, 0.8), 0.2)),
)
