"""Water in all sizes: bubbles that ring (Minnaert), and the noise of what breaks."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.nature.weather import bubble_t60
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
    lowpass,
    mix,
    noise,
    scale,
    together,
)
from webapp.engines.sketch.effects.synthesis.modal import bubble
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance, shape
from webapp.engines.sketch.effects.synthesis.streams import (
    Filter,
    Grains,
    Wander,
    poisson_starts,
    pool_of,
    rows,
)


def _bubbles(rng: Rng, low_hz: float, high_hz: float, number: int, rise: float = 0.5) -> Signal:
    """Make a pool of bubbles; the large ones are the loud ones."""
    made: list[Signal] = []
    for _ in range(number):
        hz = float(np.exp(rng.uniform(np.log(low_hz), np.log(high_hz))))
        t60 = min(0.25, bubble_t60(hz) * rng.uniform(0.8, 1.3))
        made.append(bubble(hz, t60, rng.uniform(0, 2 * rise), frames(t60 + 0.005)) * (low_hz / hz) ** 0.5)
    return pool_of(made)


def _running(
    bubbles_hz: tuple[float, float],
    per_s: float,
    wash_hz: tuple[float, float],
    wash: float,
    *,
    patter: float = 0.0,
    flow: float = 1.2,
) -> StreamRenderer:
    """Make running water: bubbles at a mean rate, in bursts, over the hiss of what breaks."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        low, high = (hz * scale(1.5, 0.67, request.size) for hz in bubbles_hz)
        pool, grains, drift, burst = (
            _bubbles(rng, low, high, 64),
            Grains(),
            Wander(rng, flow),
            Wander(rng, flow * 3),
        )
        rate = per_s * scale(0.35, 2.8, request.density)
        loud = wash * scale(0.5, 2.0, request.intensity)

        def hiss(moment: Signal, hz: Signal) -> Signal:
            level = 1 + 0.18 * drift.at(moment) + patter * burst.at(moment)
            return np.asarray(band(hz, *wash_hz, 1.1) * np.clip(level, 0.2, 2.5))

        air = NoiseStream(rng, hiss, width=0.9)

        def stream(count: int) -> Signal:
            local = rate * float(np.clip(1 + 0.35 * rng.standard_normal(), 0.3, 2))
            starts = poisson_starts(rng, count, local)
            levels = np.exp(rng.normal(-1.2, 0.7, starts.size)).clip(0, 1.2)
            grains.scatter(
                starts, rows(rng, pool, starts.size), levels, np.tanh(rng.normal(0, 0.6, starts.size))
            )
            return grains.take(count) + loud * air(count)

        return stream

    return render


def _drip(request: EffectRequest, rng: Rng) -> Signal:
    """A drop into water: the tick of the impact, and some 20 ms later the bubble that it traps."""
    hz = scale(2300, 700, request.size) * rng.uniform(0.75, 1.3)
    count = frames(0.25)
    tick = highpass(noise(rng, frames(0.01)), 2500) * decay(frames(0.01), 0.006) * 0.12
    first = bubble(hz, bubble_t60(hz) * 0.8, rng.uniform(2.5, 4.0), frames(0.2))
    second = bubble(hz * rng.uniform(1.4, 1.9), bubble_t60(hz) * 0.8, 0.6, frames(0.12)) * rng.uniform(
        0.1, 0.4
    )
    return together(count, (0.0, tick), (rng.uniform(0.014, 0.024), first), (rng.uniform(0.05, 0.09), second))


def _pour(request: EffectRequest, rng: Rng) -> Stream:
    """Pour into a glass: the air column above the water shortens, so its tone climbs."""
    total = max(1.0, request.duration_s)
    base = scale(900, 320, request.size)
    pool, grains = _bubbles(rng, base * 1.2, base * 7, 64), Grains()
    flutter = Wander(rng, 9.0)
    rate = scale(90, 420, request.density)

    def hiss(moment: Signal, hz: Signal) -> Signal:
        fill = np.clip(moment / total, 0, 0.97)
        column = base / (1.15 - fill)
        tone = resonance(hz, column, 90) + 0.5 * resonance(hz, column * 2.9, 160)
        return np.asarray(
            (0.8 * tone + 0.16 * band(hz, 500, 5000, 0.8)) * np.clip(1 + 0.25 * flutter.at(moment), 0.3, 2)
        )

    air = NoiseStream(rng, hiss, width=0.4)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, rate)
        levels = np.exp(rng.normal(-1.1, 0.6, starts.size)).clip(0, 1.2)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-0.4, 0.4, starts.size))
        return grains.take(count) + 0.7 * air(count)

    return stream


def _waves(request: EffectRequest, rng: Rng) -> Stream:
    """Waves on a beach: each swells, breaks, and runs back hissing over the sand."""
    period = scale(11, 5, request.speed)
    heights = rng.uniform(0.6, 1.0, 512)
    offsets = rng.uniform(-0.12, 0.12, 512)
    drift = Wander(rng, 1.1)
    weight = scale(0.6, 1.6, request.size)

    def gains(moment: Signal, hz: Signal) -> Signal:
        total = 0.09 * band(hz, 70, 500, 0.8) + np.zeros_like(moment)
        for back in (0, 1):
            index = np.maximum((moment / period + 0.55).astype(np.int64) - back, 0)[:, 0] % 512
            start = (moment - (np.floor(moment / period + 0.55)[:, :1] - back - 0.55) * period) / period
            share = start - offsets[index][:, None] * 0.5
            height = heights[index][:, None]
            rise = np.exp(-(((share - 0.42) / 0.16) ** 2))
            crash = np.where(
                share > 0.4,
                np.exp(-np.maximum(share - 0.4, 0) / 0.16),
                np.exp(-(((share - 0.4) / 0.05) ** 2)),
            )
            fizz = np.where(share > 0.45, np.exp(-np.maximum(share - 0.45, 0) / 0.3), 0.0) * np.clip(
                (share - 0.45) / 0.15, 0, 1
            )
            total = total + height * (
                0.7 * weight * rise * band(hz, 60, 420, 0.9)
                + 0.75 * crash * band(hz, 110, 2200, 1.1)
                + 0.16 * fizz * band(hz, 1300, 6000, 1.2)
            )
        return np.asarray(total * (1 + 0.1 * drift.at(moment)))

    return NoiseStream(rng, gains, width=0.9)


def _underwater(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains, muffle = _bubbles(rng, 130, 700, 48, 0.9), Grains(), Filter("lowpass", 900.0)
    rush, due = Wander(rng, 0.5), Wander(rng, 1.6)

    def low(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(
            band(hz, 45, 190, 1.2) * (1 + 0.3 * rush.at(moment)) + 0.05 * band(hz, 200, 700, 1.5)
        )

    deep = NoiseStream(rng, low, width=0.8)

    def stream(count: int) -> Signal:
        busy = float(np.clip(due(count)[0] + 0.8, 0.1, 3))
        starts = poisson_starts(rng, count, scale(6, 45, request.density) * busy)
        levels = np.exp(rng.normal(-0.6, 0.6, starts.size)).clip(0, 1.3)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-0.8, 0.8, starts.size))
        return 0.4 * muffle(grains.take(count)) + 0.6 * deep(count)

    return stream


def _splash(request: EffectRequest, rng: Rng) -> Signal:
    """A body falls into water: the slap, the crown of drops, and the bubbles that it drags down."""
    length_s = scale(0.8, 2.0, request.size)
    count = frames(length_s)
    slap = bandpass(noise(rng, count), scale(400, 120, request.size), 2400) * decay(count, 0.3) * 1.4

    def crown(share: Signal, hz: Signal) -> Signal:
        level = np.interp(share, [0, 0.06, 0.25, 0.6, 1], [0, 1.0, 0.7, 0.25, 0])
        return np.asarray(level * band(hz, 500, 2200 + 5500 * (1 - share), 0.9))

    spray = shape(noise(rng, count), crown, 1024) * 0.5
    pool = _bubbles(rng, scale(700, 260, request.size), 3500, 40, 0.8)
    parts = [
        (float(rng.beta(1.3, 3.2)) * length_s * 0.85, pool[int(rng.integers(0, 40))] * rng.uniform(0.2, 0.9))
        for _ in range(int(scale(40, 160, request.size)))
    ]
    return (slap + spray + 0.5 * together(count, *parts)) * curve(count, (0, 1), (0.8, 1), (1, 0))


def _flush(request: EffectRequest, rng: Rng) -> Signal:
    """A toilet: a rush, the whirl that gurgles away, and the tank that fills."""
    length_s = scale(6.0, 8.2, request.size)
    count = frames(length_s)

    def rush(share: Signal, hz: Signal) -> Signal:
        fall = np.interp(share, [0, 0.04, 0.3, 0.55, 0.75, 1], [0, 1, 0.9, 0.45, 0.16, 0.05])
        top = np.interp(share, [0, 0.3, 0.6, 1], [3800, 2600, 1500, 3500])
        return np.asarray(fall * (band(hz, 130, top, 0.9) + 0.8 * resonance(hz, 330 - 130 * share, 160)))

    water = shape(noise(rng, count), rush, 2048)
    pool = _bubbles(rng, 140, 900, 40, 0.8)
    parts = [
        (float(rng.uniform(0.5, 5.2)), pool[int(rng.integers(0, 40))] * rng.uniform(0.3, 1))
        for _ in range(260)
    ]
    clunk = lowpass(noise(rng, frames(0.05)), 1500) * decay(frames(0.05), 0.04) * 2
    return together(count, (0.0, clunk), (0.05, water), (0.0, together(count, *parts) * 0.35)) * curve(
        count, (0, 1), (0.9, 1), (1, 0)
    )


def _boiling(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains = _bubbles(rng, scale(420, 170, request.size), 1500, 64, 0.9), Grains()
    surge = Wander(rng, 7.0)
    rate = scale(60, 500, 0.5 * request.intensity + 0.5 * request.density)

    def simmer(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(
            (0.5 * band(hz, 110, 520, 1.0) + 0.06 * band(hz, 2000, 7000, 1.0))
            * np.clip(1 + 0.4 * surge.at(moment), 0.2, 2.5)
        )

    heat = NoiseStream(rng, simmer, width=0.5)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, rate)
        levels = np.exp(rng.normal(-1.0, 0.7, starts.size)).clip(0, 1.3)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-0.5, 0.5, starts.size))
        return grains.take(count) + 0.5 * heat(count)

    return stream


def _bubbling(request: EffectRequest, rng: Rng) -> Stream:
    pool, grains, at = _bubbles(rng, scale(420, 170, request.size), 950, 48, 1.0), Grains(), 0
    rate = scale(5, 50, mix(request.density, request.speed, 0.5))

    def stream(count: int) -> Signal:
        nonlocal at
        starts = poisson_starts(rng, count, rate)
        starts = np.sort(
            np.concatenate(
                (starts, starts[rng.uniform(size=starts.size) < 0.5] + rng.uniform(0.03, 0.09) * SAMPLE_RATE)
            )
        )
        grains.scatter(
            starts,
            rows(rng, pool, starts.size),
            rng.uniform(0.3, 1, starts.size),
            rng.uniform(-0.6, 0.6, starts.size),
        )
        at += count
        return grains.take(count)

    return stream


EFFECTS = (
    event_effect(
        "drip",
        "water",
        "Water drips",
        _drip,
        0.25,
        Pacing((1.4, 0.35), 0.25, width=0.1, level_spread=0.4),
        space="bathroom",
    ),
    endless_effect("pour", "water", "Water is poured", _pour),
    endless_effect("tap", "water", "A tap runs", _running((700, 4500), 170, (350, 7000), 0.32, patter=0.08)),
    endless_effect(
        "shower",
        "water",
        "A shower",
        _running((1500, 6500), 300, (600, 9000), 0.42, patter=0.04),
        space="bathroom",
    ),
    endless_effect("stream", "water", "A stream", _running((420, 2600), 150, (350, 3000), 0.14, patter=0.1)),
    endless_effect("river", "water", "A river", _running((260, 1700), 170, (160, 2600), 0.38)),
    endless_effect("waterfall", "water", "A waterfall", _running((200, 1500), 60, (90, 6000), 0.9)),
    endless_effect("waves", "water", "Waves on a beach", _waves),
    endless_effect("boiling", "water", "Water boils", _boiling),
    endless_effect("bubbles", "water", "Bubbles", _bubbling),
    endless_effect("underwater", "water", "Under water", _underwater),
    event_effect("splash", "water", "A splash", _splash, 1.4, Pacing((3.2, 1.7), 0.2, width=0.3)),
    event_effect(
        "toilet_flush", "water", "A toilet is flushed", _flush, 7.0, Pacing((9, 7.5), 0.0), space="bathroom"
    ),
)
