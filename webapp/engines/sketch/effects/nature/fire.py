"""Fire: the roar of the flames, the hiss of gases, and wood that snaps."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    highpass,
    noise,
    scale,
    to_peak,
    wander,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, shape
from webapp.engines.sketch.effects.synthesis.streams import Grains, Wander, poisson_starts, pool_of, rows


def _snap(rng: Rng) -> Signal:
    """One snap: the smaller the pocket of steam, the higher and shorter."""
    low = float(np.exp(rng.uniform(np.log(600), np.log(5200))))
    t60 = rng.uniform(0.004, 0.012) * (2600 / low) ** 0.4 * rng.choice([1.0, 1.0, 2.4])
    count = frames(min(0.06, t60 * 1.4 + 0.002))
    return to_peak(bandpass(noise(rng, count), low, low * rng.uniform(1.5, 3)) * decay(count, t60))


def _fire(roar: float, hiss: float, snaps_per_s: float, top_hz: float) -> StreamRenderer:
    def render(request: EffectRequest, rng: Rng) -> Stream:
        pool, grains = pool_of([_snap(rng) for _ in range(64)]), Grains()
        lick, breath, spit = Wander(rng, 6.0), Wander(rng, 1.1), Wander(rng, 3.0)
        rate = snaps_per_s * scale(0.3, 3.2, request.density)
        heat = roar * scale(0.45, 2.2, 0.5 * request.size + 0.5 * request.intensity)

        def gains(moment: Signal, hz: Signal) -> Signal:
            flame = np.clip(1 + 0.4 * lick.at(moment) + 0.25 * breath.at(moment), 0.15, 2.5)
            gas = np.clip(0.5 + 0.5 * spit.at(moment), 0, 2) ** 2
            return np.asarray(
                heat * flame * band(hz, 50, top_hz * (0.6 + 0.4 * flame), 0.9)
                + hiss * gas * band(hz, 2500, 9000, 1.0)
            )

        flames = NoiseStream(rng, gains, width=0.6)
        clusters = np.zeros(0)

        def stream(count: int) -> Signal:
            nonlocal clusters
            single = poisson_starts(rng, count, rate)
            seeds = poisson_starts(rng, count, rate * 0.06)
            bursts = [
                seed + np.cumsum(rng.exponential(0.012 * SAMPLE_RATE, int(rng.integers(4, 16))))
                for seed in seeds
            ]
            starts = np.concatenate((single, *bursts))
            levels = np.exp(rng.normal(-2.3, 1.0, starts.size)).clip(0, 1.2)
            grains.scatter(
                starts, rows(rng, pool, starts.size), levels, np.tanh(rng.normal(0, 0.5, starts.size))
            )
            return grains.take(count) + flames(count)

        return stream

    return render


def _match(request: EffectRequest, rng: Rng) -> Signal:
    """A match is struck: the scrape, the flare, and a small flame."""
    count = frames(scale(1.6, 2.5, request.size))

    def gains(share: Signal, hz: Signal) -> Signal:
        scrape = np.interp(share, [0, 0.02, 0.1, 0.13], [0, 0.5, 0.75, 0])
        flare = np.interp(share, [0.1, 0.15, 0.25, 0.5, 1], [0, 1.0, 0.55, 0.12, 0.0])
        return np.asarray(scrape * band(hz, 2600, 8500, 1.2) + flare * band(hz, 700, 6500, 0.9))

    rough = np.clip(
        1 + 0.8 * wander(rng, count, 160) * curve(count, (0, 1), (0.12, 0.8), (0.25, 0.3), (1, 0.2)), 0, 3
    )
    body = shape(noise(rng, count) * rough, gains, 1024)
    spits = np.zeros(count)
    for start in rng.uniform(0.2, 1.3, 14) * SAMPLE_RATE:
        snap = _snap(rng) * rng.uniform(0.1, 0.5)
        spits[int(start) : int(start) + snap.size] += snap
    return to_peak(body) + 0.25 * spits


def _sizzle(request: EffectRequest, rng: Rng) -> Stream:
    """Fat in a pan: very many tiny bursts of steam over a hiss."""
    pool, grains = pool_of([highpass(_snap(rng), 2500) for _ in range(48)]), Grains()
    drift = Wander(rng, 2.0)
    rate = scale(120, 900, request.density)

    def gains(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(band(hz, 2200, 9500, 1.0) * np.clip(1 + 0.2 * drift.at(moment), 0.3, 2))

    steam = NoiseStream(rng, gains, width=0.5)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, rate)
        levels = np.exp(rng.normal(-1.6, 0.9, starts.size)).clip(0, 1.3)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-0.5, 0.5, starts.size))
        return grains.take(count) + 0.16 * steam(count)

    return stream


EFFECTS = (
    endless_effect("campfire", "fire", "A campfire", _fire(0.12, 0.03, 26, 420)),
    endless_effect("fireplace", "fire", "A fireplace", _fire(0.09, 0.015, 15, 300), space="room"),
    endless_effect("blaze", "fire", "A blaze", _fire(0.5, 0.05, 45, 650)),
    event_effect("match", "fire", "A match is struck", _match, 2.0, Pacing((3.5, 2.4), 0.1)),
    endless_effect("sizzle", "fire", "Something fries in a pan", _sizzle),
)
