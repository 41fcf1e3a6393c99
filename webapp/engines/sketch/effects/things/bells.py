"""Bells and clocks."""

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    burst,
    curve,
    decay,
    frames,
    highpass,
    layers,
    lowpass,
    mix,
    noise,
    scale,
    to_peak,
    together,
)
from webapp.engines.sketch.effects.synthesis.modal import ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect

# Partials of a church bell beside its strike note, with levels and how long each rings beside the hum.
_CHURCH = (
    (0.5, 0.7, 1.0),
    (1.0, 0.9, 0.62),
    (1.19, 0.8, 0.5),
    (1.5, 0.35, 0.32),
    (2.0, 1.0, 0.3),
    (2.51, 0.4, 0.2),
    (2.66, 0.35, 0.18),
    (3.01, 0.5, 0.16),
    (4.17, 0.4, 0.11),
    (5.43, 0.25, 0.08),
    (6.8, 0.15, 0.06),
    (8.2, 0.1, 0.05),
)
_SMALL = (
    (1.0, 1.0, 1.0),
    (2.01, 0.35, 0.7),
    (2.98, 0.5, 0.5),
    (4.1, 0.3, 0.35),
    (5.4, 0.25, 0.25),
    (6.9, 0.15, 0.18),
)


def bell(
    rng: Rng,
    table: tuple[tuple[float, float, float], ...],
    hz: float,
    t60: float,
    hardness: float,
    count: int,
) -> Signal:
    """Strike a bell: each partial is a pair that beats, for no bell is quite round."""
    ratios, levels, lengths = (np.array(column) for column in zip(*table, strict=True))
    split = 1 + rng.uniform(0.0003, 0.0012, ratios.size)
    frequencies = np.concatenate((hz * ratios, hz * ratios * split))
    bright = ratios ** mix(-0.7, 0.25, hardness)
    gains = np.concatenate((levels * bright, levels * bright * rng.uniform(0.3, 0.8, ratios.size)))
    tone = ring(frequencies, np.tile(lengths * t60, 2), gains, count)
    clapper = highpass(noise(rng, frames(0.012)), 1500) * decay(frames(0.012), 0.01)
    return layers(to_peak(tone), 0.22 * to_peak(clapper))


def _church(request: EffectRequest, rng: Rng) -> Signal:
    """Swing a large bell: the iron clapper is heard, and the high partials before the hum."""
    hz = scale(1000, 430, request.size) * rng.uniform(0.998, 1.002)
    table = tuple(
        (ratio, level * ratio**0.8 * (0.7 if ratio < 1 else 1), length) for ratio, level, length in _CHURCH
    )
    count = frames(4.5)
    tone = bell(rng, table, hz, scale(9, 18, request.size), 0.4 * request.intensity, count)
    clapper = bandpass(noise(rng, frames(0.1)), 500, 5000) * decay(frames(0.1), 0.06)
    return layers(tone, 0.5 * to_peak(clapper)) * curve(count, (0, 1), (0.7, 1), (1, 0))


def _hand(request: EffectRequest, rng: Rng) -> Signal:
    """Swing a hand bell: the clapper hits both sides."""
    hz = scale(2400, 1150, request.size)
    gap = scale(0.3, 0.14, request.speed)
    parts = [
        (
            number * gap * rng.uniform(0.95, 1.05),
            rng.uniform(0.6, 1) * bell(rng, _SMALL, hz, 1.1, 0.7, frames(1.0)),
        )
        for number in range(4)
    ]
    return together(frames(4 * gap + 1.0), *parts)


def _tiny_bell(request: EffectRequest, rng: Rng) -> Signal:
    return bell(rng, _SMALL, scale(3600, 1900, request.size), 1.3, 0.6, frames(1.3))


def _bicycle(request: EffectRequest, rng: Rng) -> Signal:
    hz = scale(2600, 1700, request.size)
    parts = [
        (number * 0.052, rng.uniform(0.6, 1) * bell(rng, _SMALL, hz, 0.8, 0.8, frames(0.7)))
        for number in range(7)
    ]
    return together(frames(1.1), *parts, (0.48, 0.9 * bell(rng, _SMALL, hz, 0.9, 0.8, frames(0.6))))


def _sleigh(request: EffectRequest, rng: Rng) -> Signal:
    parts: list[tuple[float, Signal]] = []
    for _ in range(18):
        hz = scale(6800, 4200, request.size) * rng.uniform(0.85, 1.2)
        tone = ring(
            hz * np.array([1, 1.34, 1.77, 2.1]),
            np.array([0.3, 0.2, 0.15, 0.1]),
            rng.uniform(0.3, 1, 4),
            frames(0.3),
        )
        parts.append((abs(rng.normal(0, 0.022)), to_peak(tone) * rng.uniform(0.2, 1)))
    return together(frames(0.4), *parts)


def _gong(request: EffectRequest, rng: Rng) -> Signal:
    """A tam-tam: no mode stands out; low ones sound at once, the others later, fed by them."""
    count, number = frames(5.5), 150
    lowest = scale(105, 60, request.size)
    hz = np.sort(lowest * rng.uniform(1, 55, number) ** rng.uniform(0.5, 1.05, number))
    t60 = 8.0 * (hz / lowest) ** -0.3 * rng.uniform(0.7, 1.3, number)
    levels = rng.uniform(0.3, 1, number) / (1 + (hz / scale(700, 2200, request.intensity)) ** 1.2)
    phases = rng.uniform(0, 6.28, number)
    moment = np.arange(count) / SAMPLE_RATE
    bands = np.digitize(hz, (4 * lowest, 12 * lowest))
    total = np.zeros(count)
    for place, build_s in enumerate((0.004, 0.12, 0.45)):
        own = bands == place
        total += ring(hz[own], t60[own], levels[own], count, phases[own]) * (1 - np.exp(-moment / build_s))
    mallet = lowpass(burst(rng, 0.2, 0.1, 0.008), 400)
    return layers(to_peak(total), 0.3 * to_peak(mallet)) * curve(count, (0, 1), (0.8, 1), (1, 0))


def _doorbell(request: EffectRequest, rng: Rng) -> Signal:
    """Ding-dong: two struck bars a third apart."""
    base = scale(760, 520, request.size)
    bars = ((1.0, 1.0, 1.0), (2.76, 0.22, 0.3), (5.4, 0.1, 0.15), (2.0, 0.12, 0.6))
    return together(
        frames(2.2),
        (0.0, bell(rng, bars, base * 1.26, 1.8, 0.4, frames(1.5))),
        (0.62, bell(rng, bars, base, 2.2, 0.4, frames(1.55))),
    )


def _wind_chimes(request: EffectRequest, rng: Rng) -> Signal:
    """A gust lets the clapper strike tubes: bars free at both ends (1 : 2.76 : 5.4), tuned to a scale."""
    base = scale(1500, 720, request.size)
    tubes = base * np.array([1.0, 9 / 8, 5 / 4, 3 / 2, 5 / 3, 2.0])
    parts: list[tuple[float, Signal]] = []
    at = 0.0
    for _ in range(int(rng.integers(4, 10))):
        hz = float(rng.choice(tubes)) * np.array([1.0, 2.756, 5.404, 8.933, 1.0011, 2.759])
        levels = np.array([0.8, 0.9, 0.45, 0.2, 0.5, 0.5]) * rng.uniform(0.5, 1, 6)
        tube = ring(hz, np.array([3.2, 1.8, 0.8, 0.4, 3.0, 1.6]), levels, frames(2.6))
        parts.append((at, layers(to_peak(tube), 0.1 * click_of(rng)) * rng.uniform(0.25, 1)))
        at += float(rng.exponential(0.17))
    count = frames(at + 2.6)
    return together(count, *parts) * curve(count, (0, 1), (0.7, 1), (1, 0))


def click_of(rng: Rng) -> Signal:
    """Give the touch of a small hard thing."""
    return to_peak(highpass(burst(rng, 0.01, 0.008, 0.0003), 2500))


def _buzzer(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(1.4, 0.5, request.speed))
    phase = 2 * np.pi * 100 * np.arange(count) / 44_100
    rattle = (
        np.sign(np.sin(phase)) * 0.5
        + np.sin(phase * 3 + 0.4)
        + 0.25 * noise(rng, count) * (np.sin(phase) > 0.4)
    )
    return bandpass(rattle, 250, 3800) * np.minimum(1, np.arange(count)[::-1] / 900)


def tick(rng: Rng, high: float, size: float) -> Signal:
    """Let an escapement click: a pallet meets a tooth, inside a case that colours it."""
    hz = scale(4200, 2300, size) * high * np.exp(rng.uniform(0, 1.1, 14))
    works = ring(
        hz, 0.022 * (hz / hz.min()) ** -0.5, rng.uniform(0.3, 1, 14), frames(0.06), rng.uniform(0, 6.28, 14)
    )
    edge = highpass(burst(rng, 0.06, 0.008, 0.0002), 3500)
    case = bandpass(burst(rng, 0.06, 0.03, 0.001), 700 * high, 1300 * high)
    first = to_peak(to_peak(works) + 0.5 * to_peak(edge) + 0.15 * to_peak(case))
    # The pallet unlocks, the tooth falls, the lever stops: three clicks within some ten milliseconds.
    return together(frames(0.16), (0.0, 0.35 * first), (0.005, first), (0.012, 0.5 * first))


def _tick_tock(request: EffectRequest, rng: Rng) -> Signal:
    step = scale(1.0, 0.25, request.speed)
    return together(
        frames(step + 0.12),
        (0.0, tick(rng, 1.08, request.size)),
        (step, 0.85 * tick(rng, 0.94, request.size)),
    )


def _watch(request: EffectRequest, rng: Rng) -> Signal:
    return highpass(tick(rng, rng.choice([1.0, 1.12]) * 1.9, request.size), 1500)


def _chime(request: EffectRequest, rng: Rng) -> Signal:
    """A clock strikes: a rod gong with its soft hammer."""
    rods = ((1.0, 1.0, 1.0), (2.74, 0.5, 0.5), (5.3, 0.35, 0.25), (8.7, 0.15, 0.12), (0.51, 0.25, 1.1))
    return bell(rng, rods, scale(520, 240, request.size), 3.4, 0.45, frames(2.6))


def _alarm_clock(request: EffectRequest, rng: Rng) -> Signal:
    """A wind-up alarm clock: a hammer between two small bells, some twenty times a second."""
    hz = scale(2500, 1500, request.size)
    gap = 1 / scale(15, 26, request.speed)
    strokes = int(2.6 / gap)
    sides = [bell(rng, _SMALL, hz * side, 0.5, 0.9, frames(0.4)) for side in (1.0, 1.13)]
    rattle = [strike(rng, "metal", size=0.3, hardness=0.8, duration_s=0.05) for _ in range(4)]
    parts = [
        (number * gap * rng.uniform(0.997, 1.003), sides[number % 2] * rng.uniform(0.75, 1))
        for number in range(strokes)
    ]
    parts += [(number * gap, 0.25 * rattle[number % 4]) for number in range(strokes)]
    return together(frames(3.0), *parts)


def _plan(slow: float, fast: float, jitter: float = 0.02) -> Pacing:
    return Pacing((slow, fast), jitter, width=0.1, level_spread=0.08)


EFFECTS = (
    event_effect(
        "church_bell", "bell", "A church bell tolls", _church, 3.5, _plan(2.4, 0.8), space="outdoors"
    ),
    event_effect("hand_bell", "bell", "A hand bell is rung", _hand, 1.8, _plan(2.6, 1.4)),
    event_effect("bell", "bell", "A small bell", _tiny_bell, 1.2, _plan(2.2, 0.8)),
    event_effect("bicycle_bell", "bell", "A bicycle bell", _bicycle, 1.0, _plan(2.2, 1.2), space="outdoors"),
    event_effect("sleigh_bells", "bell", "Sleigh bells", _sleigh, 0.4, _plan(0.6, 0.24)),
    event_effect("gong", "bell", "A gong", _gong, 5.0, _plan(5.5, 3.5), space="hall"),
    event_effect("doorbell", "bell", "A doorbell", _doorbell, 2.0, _plan(3.2, 2.1), space="room"),
    event_effect(
        "wind_chime",
        "bell",
        "Wind chimes",
        _wind_chimes,
        3.5,
        Pacing((2.4, 1.0), 0.7, width=0.4, level_spread=0.5),
    ),
    event_effect("buzzer", "bell", "A buzzer", _buzzer, 0.9, _plan(2.0, 1.0)),
    event_effect(
        "clock_tick",
        "clock",
        "A clock ticks",
        _tick_tock,
        0.7,
        Pacing((2.0, 0.5), 0.0, width=0.0, level_spread=0.05),
        space="room",
    ),
    event_effect(
        "watch_tick",
        "clock",
        "A watch ticks",
        _watch,
        0.06,
        Pacing((0.4, 0.125), 0.0, width=0.0, level_spread=0.1),
    ),
    event_effect("clock_chime", "clock", "A clock strikes", _chime, 2.4, _plan(2.4, 1.4), space="room"),
    event_effect("alarm_clock", "clock", "An alarm clock rings", _alarm_clock, 2.9, _plan(3.6, 2.9)),
)
