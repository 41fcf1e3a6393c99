"""Rain, hail, thunder and wind."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    highpass,
    mix,
    noise,
    scale,
    soft,
    to_peak,
    together,
)
from webapp.engines.sketch.effects.synthesis.modal import bubble, ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect, events
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance, shape
from webapp.engines.sketch.effects.synthesis.streams import Grains, Wander, poisson_starts, pool_of, rows


def bubble_t60(hz: float) -> float:
    """Give how long a bubble rings: small ones lose their energy faster (Devin)."""
    return float(6.9078 / (np.pi * hz * (0.014 + 1.1e-5 * hz)))


def _tick(rng: Rng) -> Signal:
    count = frames(0.02)
    low = rng.uniform(1800, 5000)
    return to_peak(bandpass(noise(rng, count), low, low * 2.4) * decay(count, rng.uniform(0.005, 0.014)))


def _puddle(rng: Rng) -> Signal:
    hz = float(np.exp(rng.uniform(np.log(1400), np.log(5500))))
    count = frames(min(0.06, bubble_t60(hz) * 1.2 + 0.005))
    wet = bubble(hz, bubble_t60(hz), rng.uniform(0, 0.5), count)
    return to_peak(0.5 * wet + 0.5 * np.pad(_tick(rng), (0, max(0, count)))[:count])


def _on_roof(rng: Rng) -> Signal:
    count = frames(0.09)
    lowest = rng.uniform(190, 520)
    hz = lowest * np.array([1.0, 1.7, 2.6, 4.1, 6.3]) * rng.uniform(0.9, 1.1, 5)
    sheet = ring(hz, 0.05 * np.array([1.4, 1.0, 0.7, 0.5, 0.3]), rng.uniform(0.3, 1, 5), count)
    return to_peak(0.7 * to_peak(sheet) + 0.9 * np.pad(_tick(rng), (0, count))[:count])


def _on_glass(rng: Rng) -> Signal:
    count = frames(0.05)
    hz = rng.uniform(900, 1500) * np.array([1.0, 1.9, 2.9, 4.3]) * rng.uniform(0.9, 1.1, 4)
    pane = ring(hz, np.array([0.03, 0.022, 0.016, 0.012]), rng.uniform(0.3, 1, 4), count)
    return to_peak(to_peak(pane) + 0.7 * np.pad(_tick(rng), (0, count))[:count])


def _rain(kind: str, usual: float) -> StreamRenderer:
    """Make a rain: a wash of far drops, and near ones on what they fall on."""
    near = {"ground": _tick, "roof": _on_roof, "window": _on_glass}[kind]

    def render(request: EffectRequest, rng: Rng) -> Stream:
        amount = np.clip(usual + 0.5 * (request.density - 0.5) + 0.6 * (request.intensity - 0.5), 0.03, 1.0)
        pool = pool_of(
            [near(rng) for _ in range(32)] + [_puddle(rng) for _ in range(16 if kind == "ground" else 6)]
        )
        per_s = scale(14, 900, float(amount))
        drift = Wander(rng, 0.35)
        top = {"ground": 8000.0, "roof": 4200.0, "window": 2200.0}[kind]
        bottom = scale(900, 260, float(amount))

        def far(moment: Signal, hz: Signal) -> Signal:
            hiss = band(hz, bottom, top, 0.7) + 0.25 * resonance(hz, 5200, 5000) * (kind != "window")
            return np.asarray(hiss * (1 + 0.1 * drift.at(moment)))

        wash, grains = NoiseStream(rng, far, width=0.9), Grains()
        wet = scale(0.06, 0.42, float(amount))

        def stream(count: int) -> Signal:
            starts = poisson_starts(rng, count, per_s)
            levels = np.exp(rng.normal(-1.7, 0.8, starts.size)).clip(0, 1.4) * scale(1.6, 0.7, float(amount))
            grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-1, 1, starts.size))
            return grains.take(count) + wet * wash(count)

        return stream

    return render


def _hail(request: EffectRequest, rng: Rng) -> Stream:
    pool = pool_of(
        [
            to_peak(
                strike(
                    rng, rng.choice(["stone", "plastic", "ceramic"]), size=0.25, hardness=0.9, duration_s=0.06
                )
            )
            for _ in range(32)
        ]
    )
    rain, grains = _rain("roof", 0.6)(request, rng), Grains()
    per_s = scale(25, 320, request.density)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, per_s)
        levels = np.exp(rng.normal(-1.0, 0.7, starts.size)).clip(0, 1.5)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, rng.uniform(-1, 1, starts.size))
        return grains.take(count) + 0.5 * rain(count)

    return stream


def thunder(request: EffectRequest, rng: Rng) -> Signal:
    """A crack of the near channel, then the rumble of its far parts, echo after echo."""
    length_s = scale(4.0, 6.5, request.size) * rng.uniform(0.9, 1.1)
    count = frames(length_s)
    claps = [(0.0, 1.0)] + [
        (rng.uniform(0.15, 0.6) * length_s * 0.6, rng.uniform(0.4, 0.9)) for _ in range(5)
    ]
    near = mix(0.4, 1.0, request.intensity) * (1 - 0.8 * request.distance)

    def envelope(share: Signal, hz: Signal) -> Signal:
        moment = share * length_s
        rolling, opening = 0.25 * np.exp(-moment / 1.8), 0.0 * moment
        for start, level in claps:
            since = np.maximum(moment - start, 0)
            blow = level * np.exp(-since / 0.7) * (1 - np.exp(-since / 0.03)) * (moment >= start)
            rolling, opening = rolling + blow, opening + blow * np.exp(-since / 0.25)
        top = 130 + 420 * rolling + 1900 * near * opening
        return np.asarray(rolling * band(hz, 32, top, 1.1))

    left, right = noise(rng, count), noise(rng, count)
    flutter = 1 + 0.5 * np.interp(np.arange(count), np.linspace(0, count, 200), rng.standard_normal(200))
    mid, side = shape(left * flutter, envelope, 2048), shape(right, envelope, 2048)
    crack_length = frames(0.5)
    crack = (
        highpass(noise(rng, crack_length), 700)
        * decay(crack_length, 0.45)
        * np.abs(
            np.interp(np.arange(crack_length), np.linspace(0, crack_length, 60), rng.standard_normal(60))
        )
    )
    crack = together(count, (0.0, crack))
    fade = curve(count, (0, 0), (0.01, 1), (0.75, 1), (1, 0))
    body = np.stack([mid + 0.5 * side, mid - 0.5 * side])
    return soft(2.2 * (to_peak(body) + 0.24 * near * to_peak(crack))) * fade


def _wind(kind: str) -> StreamRenderer:
    """Make a wind whose gusts move level and colour together, as at each edge that it blows over."""
    howls = {
        "open": (),
        "trees": (),
        "mountain": ((420.0, 55.0), (640.0, 60.0), (910.0, 80.0)),
        "door": ((920.0, 30.0), (1380.0, 40.0), (1900.0, 55.0)),
    }[kind]

    def render(request: EffectRequest, rng: Rng) -> Stream:
        pace = scale(0.14, 0.5, request.speed)
        slow, quick, shake, rustle = (
            Wander(rng, pace),
            Wander(rng, pace * 4),
            Wander(rng, 7.0),
            Wander(rng, 11.0),
        )
        howling = 1.1 if kind == "door" else 0.4
        bends = [Wander(rng, pace * 2.2) for _ in howls]
        lift = scale(0.55, 1.8, request.intensity)

        def gains(moment: Signal, hz: Signal) -> Signal:
            gust = np.clip(0.7 + 0.17 * slow.at(moment) + 0.1 * quick.at(moment), 0.15, 1.6)
            buffet = np.clip(1 + 0.45 * shake.at(moment), 0.2, 2)
            top = 240 * lift * (0.5 + 0.9 * gust)
            draught = 0.35 * band(hz, 500, 1900, 1.0)
            open_air = band(hz, 40, top, 2.0) * buffet + 0.05 * band(hz, 300, 1100 * lift, 1.2)
            body = (draught if kind == "door" else open_air) * gust
            for (centre, width), bend in zip(howls, bends, strict=True):
                middle = centre * (0.72 + 0.42 * gust + 0.08 * bend.at(moment)) * lift**0.3
                level = gust**2 * np.clip(0.6 + 0.5 * bend.at(moment), 0, 2)
                body = body + howling * level * resonance(hz, middle, width) * band(
                    hz, middle * 0.6, middle * 1.6, 2
                )
            if kind == "trees":
                leaves = (
                    band(hz, 1800, 6000, 1.2) * gust**1.6 * np.clip(0.8 + 0.45 * rustle.at(moment), 0.1, 2)
                )
                body = body + 0.11 * leaves
            return np.asarray(body)

        return NoiseStream(rng, gains, width=0.7, size=4096)

    return render


def _thunderstorm(request: EffectRequest, rng: Rng) -> Stream:
    rain, wind = _rain("ground", 0.8)(request, rng), _wind("open")(request, rng)
    roll = events(thunder, Pacing((9.0, 4.0), 0.5, lead_s=0.8, width=0.5, level_spread=0.5), 3.0)(
        request, rng
    )

    def stream(count: int) -> Signal:
        return 0.5 * rain(count) + 0.3 * wind(count) + 1.3 * roll(count)

    return stream


def _blizzard(request: EffectRequest, rng: Rng) -> Stream:
    wind, rush = _wind("mountain")(request, rng), Wander(rng, 0.8)

    def snow(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(band(hz, 900, 3200, 0.8) * np.clip(0.5 + 0.35 * rush.at(moment), 0.08, 2))

    drift = NoiseStream(rng, snow)

    def stream(count: int) -> Signal:
        return wind(count) + 0.22 * drift(count)

    return stream


EFFECTS = (
    endless_effect("rain", "weather", "Rain", _rain("ground", 0.6)),
    endless_effect("rain_light", "weather", "Light rain", _rain("ground", 0.28)),
    endless_effect("rain_heavy", "weather", "Heavy rain", _rain("ground", 0.95)),
    endless_effect("rain_roof", "weather", "Rain on a roof", _rain("roof", 0.55)),
    endless_effect("rain_window", "weather", "Rain on a window", _rain("window", 0.5)),
    endless_effect("hail", "weather", "Hail", _hail),
    event_effect(
        "thunder", "weather", "Thunder", thunder, 5.5, Pacing((9.0, 4.5), 0.3, width=0.4), space="outdoors"
    ),
    endless_effect("thunderstorm", "weather", "A thunderstorm", _thunderstorm),
    endless_effect("wind", "weather", "Wind", _wind("open")),
    endless_effect("wind_trees", "weather", "Wind in trees", _wind("trees")),
    endless_effect("wind_mountain", "weather", "Wind over a mountain", _wind("mountain")),
    endless_effect("wind_door", "weather", "Wind through a door", _wind("door")),
    endless_effect("blizzard", "weather", "A blizzard", _blizzard),
)
