"""Shots, explosions and fireworks; blades and arrows."""

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    glide,
    highpass,
    layers,
    lowpass,
    mix,
    noise,
    pulses,
    scale,
    soft,
    swell,
    to_peak,
    together,
    turns,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import band, shape


def blast(rng: Rng, size: float, length_s: float) -> Signal:
    """Let a charge go off: a shock, a burst of noise that darkens, and a thump that falls in pitch."""
    count = frames(length_s)
    reach = scale(0.12, 0.5, size)

    def gains(share: Signal, hz: Signal) -> Signal:
        moment = share * length_s
        top = 300 + scale(9000, 4200, size) * np.exp(-moment / (reach * 0.45))
        level = np.exp(-moment / reach) + 0.22 * np.exp(-moment / (reach * 4))
        return np.asarray(level * band(hz, 40, top, 0.8))

    burst = shape(np.pad(noise(rng, count - 1), (1, 0)), gains, 512)
    hz = scale(130, 48, size) * glide(count, (0, 2.2), (0.06, 1.0), (1, 0.7))
    thump = np.sin(turns(hz)) * decay(count, reach * 4)
    start = np.minimum(1, np.arange(count) / 22)
    shock = highpass(noise(rng, frames(0.012)), 600) * decay(frames(0.012), 0.008)
    return layers(soft(to_peak(burst) * 1.8 + mix(0.1, 0.9, size) * thump) * start, 0.9 * to_peak(shock))


def _echoes(
    rng: Rng, shot: Signal, number: int, first_s: float, last_s: float, level: float, top_hz: float
) -> Signal:
    """Throw a shot back from hills and walls, ever duller."""
    dull = lowpass(shot, top_hz)
    parts = [(0.0, shot)]
    for _ in range(number):
        wait = float(np.exp(rng.uniform(np.log(first_s), np.log(last_s))))
        parts.append((wait, dull * level * (first_s / wait) ** 0.7 * rng.uniform(0.4, 1)))
    return together(shot.size + frames(last_s), *parts)


def _gunshot(request: EffectRequest, rng: Rng) -> Signal:
    shot = blast(rng, 0.1 + 0.35 * request.size, 0.9)
    tail = _echoes(rng, shot, 26, 0.05, 0.9, 0.28, 2200)
    return tail * curve(tail.size, (0, 1), (0.7, 1), (1, 0))


def _round(request: EffectRequest, rng: Rng) -> Signal:
    shot = blast(rng, 0.08 + 0.2 * request.size, 0.28)
    bolt = 0.18 * to_peak(strike(rng, "latch", size=0.4, hardness=0.7, duration_s=0.08))
    return together(
        frames(0.45),
        (0.0, shot),
        (0.03, bolt),
        (0.055, 0.16 * lowpass(shot, 1800)),
        (0.11, 0.1 * lowpass(shot, 1400)),
    )


def _explosion(request: EffectRequest, rng: Rng) -> Signal:
    length_s = scale(2.4, 4.5, request.size)
    count = frames(length_s)
    main = blast(rng, mix(0.6, 1.0, request.size), length_s)
    rolls = [
        (float(rng.uniform(0.08, 0.9)), lowpass(blast(rng, 0.9, 1.6), 500) * rng.uniform(0.15, 0.5))
        for _ in range(6)
    ]
    debris: list[tuple[float, Signal]] = []
    for _ in range(int(20 + 50 * request.density)):
        piece = frames(rng.uniform(0.01, 0.05))
        hit = bandpass(noise(rng, piece), rng.uniform(200, 1200), rng.uniform(1500, 5000)) * decay(
            piece, piece / SAMPLE_RATE
        )
        debris.append(
            (0.3 + float(rng.beta(1.3, 2.5)) * (length_s - 0.5), to_peak(hit) * rng.uniform(0.02, 0.12))
        )
    rumble = (
        lowpass(noise(rng, count), 160)
        * curve(count, (0, 0), (0.03, 1), (0.3, 0.5), (1, 0))
        * (1 + 0.3 * wander(rng, count, 12))
    )
    return together(count, (0.0, main), (0.0, 0.7 * to_peak(rumble)), *rolls, *debris) * curve(
        count, (0, 1), (0.6, 1), (1, 0)
    )


def _cannon(request: EffectRequest, rng: Rng) -> Signal:
    shot = blast(rng, mix(0.7, 0.95, request.size), 1.6)
    return _echoes(rng, shot, 14, 0.15, 1.5, 0.35, 900)


def _rocket(rng: Rng) -> Signal:
    count = frames(0.95)
    hz = glide(count, (0, 900), (0.3, 1900), (1, 2900)) * (1 + 0.01 * wander(rng, count, 20))
    whistle = pulses(turns(hz), 0.25) * 0.7 + 0.3 * bandpass(noise(rng, count), 1200, 5000)
    return whistle * curve(count, (0, 0), (0.05, 0.6), (0.4, 0.5), (0.95, 0.15), (1, 0))


def _crackling(rng: Rng, length_s: float, number: int) -> Signal:
    parts: list[tuple[float, Signal]] = []
    for _ in range(number):
        size = frames(rng.uniform(0.004, 0.018))
        pop = highpass(noise(rng, size), rng.uniform(800, 2600)) * decay(size, size / SAMPLE_RATE)
        parts.append(
            (
                float(rng.beta(1.6, 2.0)) * (length_s - 0.03),
                to_peak(pop) * float(np.exp(rng.normal(-1.2, 0.7))),
            )
        )
    return together(frames(length_s), *parts)


def _firework(request: EffectRequest, rng: Rng) -> Signal:
    """A shell: it climbs with a whistle, bursts, and its stars crackle."""
    burst = _echoes(rng, blast(rng, 0.3 + 0.4 * request.size, 1.2), 12, 0.1, 0.8, 0.3, 1800)
    parts: list[tuple[float, Signal]] = [(0.9, burst)]
    if rng.uniform() < 0.7:
        parts.append((0.0, 0.22 * _rocket(rng)))
    if rng.uniform() < 0.75:
        parts.append((1.15, 0.5 * _crackling(rng, 1.4, round(mix(20, 160, request.density)))))
    total = together(frames(2.9), *parts)
    return total * curve(total.size, (0, 1), (0.85, 1), (1, 0))


def _firecracker(request: EffectRequest, rng: Rng) -> Signal:
    return blast(rng, 0.02 + 0.1 * request.size, 0.35)


def _sword(request: EffectRequest, rng: Rng) -> Signal:
    """Blades meet: long, bright, inharmonic, with a scrape along the edge."""
    count = frames(1.4)
    base = scale(1500, 700, request.size) * rng.uniform(0.9, 1.1)
    hz = base * np.array([1, 1.52, 2.31, 2.9, 3.74, 4.6, 5.9, 7.3, 8.8]) * rng.uniform(0.97, 1.03, 9)
    blade = ring(hz, rng.uniform(0.4, 1.2, 9), rng.uniform(0.3, 1, 9), count)
    scrape = highpass(noise(rng, count), 3500) * curve(
        count, (0, 0.5), (0.04, 1), (0.16, 0.25), (0.25, 0), (1, 0)
    )
    clack = to_peak(strike(rng, "metal", size=0.5, hardness=1.0, duration_s=0.3))
    return layers(to_peak(blade), 0.3 * to_peak(scrape), 0.6 * clack)


def _draw(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(1.2, 0.68, request.speed))

    def gains(share: Signal, hz: Signal) -> Signal:
        level = np.interp(share, [0, 0.1, 0.55, 0.65, 1], [0, 0.5, 1, 0.3, 0])
        return np.asarray(level * band(hz, 2200 + 2500 * share, 5200 + 4500 * share, 1.3))

    scrape = shape(noise(rng, count) * (1 + 0.5 * wander(rng, count, 140)), gains)
    bell = ring(
        np.array([2650, 3980, 5420, 7100]) * rng.uniform(0.95, 1.05),
        np.array([0.8, 0.7, 0.5, 0.4]),
        np.array([1, 0.8, 0.6, 0.4]),
        frames(0.6),
    )
    return together(frames(1.1), (0.0, to_peak(scrape)), (0.5, 0.45 * to_peak(bell)))


def _arrow(request: EffectRequest, rng: Rng) -> Signal:
    """The string snaps, the arrow hisses by, and hits."""
    twang = ring(
        scale(1.3, 0.77, request.size) * np.array([118.0, 236, 355, 480]),
        np.array([0.3, 0.2, 0.15, 0.1]),
        np.array([1, 0.7, 0.5, 0.3]),
        frames(0.35),
    )
    fly = frames(0.4)
    hiss = bandpass(noise(rng, fly), 1500, 6000) * swell(fly, 2.0)
    thud = layers(
        to_peak(strike(rng, "wood", size=0.5, hardness=0.9, duration_s=0.3)),
        0.4 * to_peak(noise(rng, frames(0.02)) * decay(frames(0.02), 0.02)),
    )
    return together(frames(1.0), (0.0, 0.6 * to_peak(twang)), (0.05, 0.45 * to_peak(hiss)), (0.45, thud))


def _punch(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.3)
    body = np.sin(turns(scale(1.4, 0.72, request.size) * glide(count, (0, 170), (0.2, 85), (1, 60)))) * decay(
        count, 0.16
    )
    smack = bandpass(noise(rng, count), 500, 3600) * decay(count, 0.06)
    air = frames(0.14)
    swish = bandpass(noise(rng, air), 500, 2600) * swell(air, 2.0) * 0.16
    return together(frames(0.45), (0.0, swish), (0.11, soft(1.4 * (body + 0.9 * to_peak(smack)))))


def _reload(request: EffectRequest, rng: Rng) -> Signal:
    parts = [
        (
            at,
            level
            * layers(
                to_peak(
                    strike(
                        rng, "latch", size=size * (0.6 + 0.8 * request.size), hardness=0.8, duration_s=0.15
                    )
                ),
                to_peak(bandpass(noise(rng, frames(0.03)), 900, 5000) * decay(frames(0.03), 0.025)),
            ),
        )
        for at, level, size in ((0.0, 0.5, 0.35), (0.32, 0.9, 0.5), (0.62, 0.7, 0.4), (0.76, 1.0, 0.45))
    ]
    return together(frames(1.1), *parts)


_SHOTS = Pacing((2.4, 0.9), 0.3)

EFFECTS = (
    event_effect("gunshot", "weapon", "A gunshot", _gunshot, 1.5, _SHOTS, space="outdoors"),
    event_effect(
        "machine_gun",
        "weapon",
        "A machine gun",
        _round,
        0.3,
        Pacing((0.16, 0.06), 0.03, (8, 16), (0.9, 0.4), level_spread=0.1),
        space="outdoors",
    ),
    event_effect(
        "explosion",
        "weapon",
        "An explosion",
        _explosion,
        3.2,
        Pacing((5.0, 3.0), 0.2, width=0.0),
        space="outdoors",
    ),
    event_effect("cannon", "weapon", "A cannon", _cannon, 2.6, Pacing((4.5, 2.6), 0.2), space="valley"),
    event_effect(
        "fireworks",
        "weapon",
        "Fireworks",
        _firework,
        2.8,
        Pacing((1.7, 0.6), 0.5, lead_s=0.0, width=0.6, level_spread=0.4),
        space="outdoors",
    ),
    event_effect(
        "firecracker",
        "weapon",
        "Firecrackers",
        _firecracker,
        0.3,
        Pacing((0.3, 0.08), 0.9, (6, 14), (0.6, 0.3), width=0.4, level_spread=0.5),
        space="street",
    ),
    event_effect("sword", "weapon", "Swords clash", _sword, 1.0, Pacing((1.5, 0.7), 0.3), space="room"),
    event_effect(
        "sword_draw", "weapon", "A sword is drawn", _draw, 1.0, Pacing((2.2, 1.4), 0.1), space="room"
    ),
    event_effect("arrow", "weapon", "An arrow flies", _arrow, 0.9, Pacing((2.4, 1.3), 0.2)),
    event_effect("punch", "weapon", "A punch", _punch, 0.4, Pacing((1.2, 0.5), 0.2), space="room"),
    event_effect(
        "gun_reload", "weapon", "A gun is loaded", _reload, 1.1, Pacing((2.2, 1.4), 0.1), space="room"
    ),
)
