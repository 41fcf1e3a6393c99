"""Keyboards, cameras, printers, and other things with buttons."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    burst,
    curve,
    decay,
    edges,
    frames,
    highpass,
    layers,
    lowpass,
    noise,
    pulses,
    scale,
    to_peak,
    together,
    turns,
)
from webapp.engines.sketch.effects.synthesis.modal import ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.streams import Filter, Grains, Phase
from webapp.engines.sketch.effects.things.bells import bell


def click(rng: Rng, low: float, high: float, t60: float) -> Signal:
    """Make a dry click: a band of noise that dies at once."""
    count = frames(t60 * 1.5)
    return to_peak(bandpass(noise(rng, count), low, high) * decay(count, t60))


def _key(request: EffectRequest, rng: Rng) -> Signal:
    """Press a key: the cap hits the plate, and some 80 ms later comes up again."""
    count = frames(0.08)
    hz = scale(1300, 700, request.size) * np.exp(rng.uniform(0, 1.7, 24))
    t60 = 0.02 * (hz / hz.min()) ** -0.5
    case = to_peak(ring(hz, t60, rng.uniform(0.3, 1, 24), count, rng.uniform(0, 6.28, 24)))
    parts: list[tuple[float, Signal]] = []
    for at, level, ringing in ((0.0, 1.0, 0.041), (float(rng.uniform(0.06, 0.1)), 0.5, 0.033)):
        tap = bandpass(burst(rng, 0.08, ringing, 0.0008), 1500, 5000)
        desk = lowpass(burst(rng, 0.08, 0.03), 400)
        hit = case + to_peak(tap) + 0.3 * to_peak(desk)
        parts.append((at, hit * level * rng.uniform(0.4, 1)))
    return together(frames(0.2), *parts)


def _type(request: EffectRequest, rng: Rng) -> Signal:
    """Strike a type bar: lever, type on paper and platen, and the escapement of the carriage."""
    lever = click(rng, 900, 3500, 0.02)
    hit = layers(
        to_peak(strike(rng, "latch", size=request.size, hardness=0.8, duration_s=0.1), 0.55),
        click(rng, 1200, 7000, 0.02),
    )
    platen = strike(rng, "wood", size=0.5, hardness=0.5, duration_s=0.12)
    return together(
        frames(0.25),
        (0.0, 0.25 * lever),
        (0.028, layers(hit, 0.5 * to_peak(platen))),
        (0.07, 0.35 * click(rng, 1800, 6000, 0.015)),
    )


def _typewriter(request: EffectRequest, rng: Rng) -> Stream:
    """Type lines: each ends with a bell, and the carriage goes back."""
    grains, at, due = Grains(), 0, 0.1
    left = int(rng.integers(14, 24))
    gap = scale(0.3, 0.11, request.speed)

    def stream(count: int) -> Signal:
        nonlocal at, due, left
        while due < (at + count) / SAMPLE_RATE:
            start = max(0, round(due * SAMPLE_RATE) - at)
            if left:
                grains.add(
                    start,
                    to_peak(_type(request, rng), 0.6) * rng.uniform(0.7, 1),
                    float(rng.uniform(-0.2, 0.2)),
                )
                due += gap * rng.uniform(0.65, 1.5)
                left -= 1
                continue
            ding = bell(rng, ((1.0, 1.0, 1.0), (2.7, 0.3, 0.5)), 2350, 0.8, 0.6, frames(0.8))
            sweep = frames(0.55)
            ratchet = highpass(noise(rng, sweep), 1500) * np.exp(
                -((np.arange(sweep) * 44 / SAMPLE_RATE) % 1.0) * 8
            )
            end = strike(rng, "metal", size=0.6, hardness=0.6, duration_s=0.2)
            line = together(
                frames(1.3), (0.0, 0.3 * ding), (0.35, 0.35 * to_peak(ratchet)), (0.9, 0.6 * to_peak(end))
            )
            grains.add(start, line, 0.0)
            left, due = int(rng.integers(14, 24)), due + 1.4
        at += count
        return grains.take(count)

    return stream


def _camera(request: EffectRequest, rng: Rng) -> Signal:
    """The mirror goes up, the curtains run, the mirror falls; a small motor winds on."""
    mirror = layers(
        click(rng, 500, 3500, 0.03),
        0.4 * to_peak(strike(rng, "plastic", size=0.4, hardness=0.8, duration_s=0.06)),
    )
    curtain = click(rng, 2500, 8500, 0.02)
    wind = frames(0.24)
    motor = bandpass(
        pulses(turns(curve(wind, (0, 260), (0.2, 420), (1, 330))), 0.85) + 0.6 * noise(rng, wind), 700, 5000
    )
    gap = scale(0.11, 0.05, request.speed)
    return together(
        frames(0.6),
        (0.0, mirror),
        (0.02, 0.7 * curtain),
        (gap, 0.8 * curtain),
        (gap + 0.025, 0.9 * mirror),
        (gap + 0.06, 0.22 * to_peak(edges(motor, 0.02, 0.04))),
    )


def _printer(request: EffectRequest, rng: Rng) -> Stream:
    """An ink-jet: the carriage whirs across, turns, whirs back, and the paper steps on."""
    period, at = scale(1.5, 0.55, request.speed), 0
    whir, step, head = Phase(), Phase(), Phase()
    hiss, paper = Filter("bandpass", 1630, 8800, order=1), Filter("bandpass", 500, 4000, order=1)
    tone, case = Filter("bandpass", 200, 4000, order=1), Filter("bandpass", 100, 900, order=1)

    def stream(count: int) -> Signal:
        nonlocal at
        share = ((at + np.arange(count)) / SAMPLE_RATE / period) % 1.0
        at += count
        sweep = np.clip(np.sin(np.pi * np.clip(share / 0.6, 0, 1)), 0, 1) ** 0.3
        feed = np.clip(np.minimum((share - 0.64) * 60, (0.97 - share) * 60), 0, 1)
        belt = pulses(
            whir(691 * (1 + 0.02 * np.sin(2 * np.pi * 3 * (at + np.arange(count)) / SAMPLE_RATE))), 0.6
        )
        gear = pulses(step(np.full(count, 165.0)), 0.88) * feed
        air = rng.standard_normal((2, count))
        jets = np.clip(1 + 1.25 * np.sin(head(np.full(count, 61.0))), 0, 3)
        works = tone((0.9 * belt * sweep + 0.1 * gear) * np.ones((2, 1)))
        return np.asarray(hiss(air * sweep * jets) + works + 1.2 * paper(air) * feed + 0.4 * case(air))

    return stream


def _mouse_click(request: EffectRequest, rng: Rng) -> Signal:
    return together(
        frames(0.16),
        (0.0, click(rng, scale(2300, 1400, request.size), 6000, 0.012)),
        (rng.uniform(0.07, 0.1), 0.6 * click(rng, 2400, 7000, 0.01)),
    )


def _switch(request: EffectRequest, rng: Rng) -> Signal:
    body = strike(rng, "plastic", size=0.7 * request.size, hardness=0.8, duration_s=0.08)
    return layers(to_peak(body), click(rng, 1500, 6000, 0.015))


def _cash(request: EffectRequest, rng: Rng) -> Signal:
    """Ka-ching: keys, the bell, and the drawer full of coins."""
    drawer = frames(0.5)
    slide = bandpass(noise(rng, drawer), 300, 2500) * curve(drawer, (0, 0), (0.4, 0.5), (0.9, 1), (1, 0))
    coins = [
        (
            0.62 + float(rng.exponential(0.08)),
            0.3 * to_peak(strike(rng, "metal", size=0.02, hardness=0.9, duration_s=0.2)),
        )
        for _ in range(12)
    ]
    ding = bell(
        rng,
        ((1.0, 1.0, 1.0), (2.2, 0.6, 0.7), (3.9, 0.4, 0.4)),
        scale(2600, 1700, request.size),
        1.2,
        0.8,
        frames(1.2),
    )
    return together(
        frames(1.7),
        (0.0, 0.6 * click(rng, 700, 4000, 0.03)),
        (0.09, click(rng, 700, 4000, 0.03)),
        (0.14, 0.8 * ding),
        (0.2, 0.35 * to_peak(slide)),
        *coins,
    )


EFFECTS = (
    event_effect(
        "typing",
        "device",
        "Typing on a keyboard",
        _key,
        0.15,
        Pacing((0.2, 0.07), 0.9, (5, 14), (0.8, 0.3), width=0.2, level_spread=0.45),
        space="room",
    ),
    endless_effect("typewriter", "device", "A typewriter", _typewriter, space="room"),
    event_effect("camera", "device", "A camera's shutter", _camera, 0.5, Pacing((1.8, 0.8), 0.2)),
    endless_effect("printer", "device", "A printer", _printer, space="room"),
    event_effect(
        "mouse_click",
        "device",
        "A mouse button clicks",
        _mouse_click,
        0.15,
        Pacing((1.0, 0.3), 0.4, (1, 2), (0.7, 0.2)),
    ),
    event_effect(
        "light_switch", "device", "A switch is flicked", _switch, 0.08, Pacing((1.2, 0.5), 0.1), space="room"
    ),
    event_effect(
        "cash_register", "device", "A cash register", _cash, 1.6, Pacing((2.6, 1.7), 0.1), space="room"
    ),
)
