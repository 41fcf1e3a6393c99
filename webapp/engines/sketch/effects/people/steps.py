"""Footsteps: a heel, a sole, and the ground under them."""

from dataclasses import replace

import numpy as np

from webapp.engines.sketch.effects.effect import EventRenderer
from webapp.engines.sketch.effects.nature.weather import bubble_t60
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    highpass,
    lowpass,
    noise,
    scale,
    swell,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import bubble, ring
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect

# Loose grounds: lowest and highest band, how granular and how fine the grain is, how long a step crunches.
_LOOSE: dict[str, tuple[float, float, float, float, float]] = {
    "gravel": (850, 6000, 0.4, 300, 0.38),
    "snow": (500, 4200, 0.2, 360, 0.44),
    "leaves": (1300, 8000, 0.5, 180, 0.44),
    "grass": (900, 5200, 0.4, 150, 0.34),
    "sand": (700, 4500, 0.25, 380, 0.36),
    "dirt": (350, 2600, 0.5, 180, 0.26),
}
# Firm grounds: lowest and highest resonance of the floor, how long it rings, its share, brightness.
_FIRM: dict[str, tuple[float, float, float, float, float]] = {
    "wood": (62, 260, 0.07, 0.8, 950),
    "stone": (90, 420, 0.05, 0.6, 1900),
    "concrete": (80, 360, 0.045, 0.6, 1500),
    "tile": (180, 1500, 0.06, 0.4, 7000),
    "metal": (210, 2600, 0.4, 0.7, 6000),
    "carpet": (60, 220, 0.06, 0.8, 700),
}


def _crunch(request: EffectRequest, rng: Rng, ground: tuple[float, float, float, float, float]) -> Signal:
    """Put weight down on the heel, roll, and push off over the toes: the ground gives way twice."""
    low, high, grain, fineness, crunch_s = ground
    count = frames(crunch_s * scale(1.25, 0.75, request.speed))
    weight = scale(1.25, 0.8, request.size)
    rubble = np.clip(1 + grain * wander(rng, count, fineness), 0, 3)
    push = rng.uniform(0.6, 0.95)
    gives = curve(count, (0, 0), (0.11, 1), (0.33, 0.08), (0.72, push), (1, 0))
    crunch = bandpass(noise(rng, count), low * weight, high * weight) * rubble * gives
    heel = lowpass(noise(rng, count), 480) * decay(count, 0.04)
    return to_peak(crunch) + scale(0.25, 0.7, request.intensity) * to_peak(heel)


def _firm(request: EffectRequest, rng: Rng, ground: tuple[float, float, float, float, float]) -> Signal:
    """The heel comes down hard, the sole follows; the floor booms, and the shoe scuffs as it leaves."""
    low, high, t60, share, bright_hz = ground
    bright = bright_hz * scale(0.5, 1.15, request.intensity)
    weight = scale(1.3, 0.75, request.size)
    count = frames(0.5)
    parts: list[tuple[float, Signal]] = []
    sole_s = rng.uniform(0.07, 0.11) * scale(1.3, 0.6, request.speed)
    for at, level, dull in ((0.0, 1.0, 1.0), (sole_s, 0.4, 0.6)):
        number = 24
        hz = np.exp(rng.uniform(np.log(low * weight), np.log(high * weight), number))
        floor = ring(
            hz,
            t60 * (hz / low) ** -0.35 * rng.uniform(0.7, 1.2, number),
            rng.uniform(0.3, 1, number),
            count,
            rng.uniform(0, 6.28, number),
        )
        floor *= 1 - np.exp(-np.arange(count) / 60)
        tap = lowpass(highpass(noise(rng, count), 250), bright * dull) * decay(count, 0.03)
        click = highpass(noise(rng, count), 1800) * decay(count, 0.008)
        parts.append(
            (
                at,
                level
                * (
                    share * to_peak(floor)
                    + (1 - 0.5 * share) * to_peak(tap)
                    + scale(0.06, 0.3, request.intensity) * dull * to_peak(click)
                ),
            )
        )
    scuff = frames(0.12)
    parts.append((sole_s + 0.04, 0.05 * to_peak(bandpass(noise(rng, scuff), 900, 4500) * swell(scuff))))
    return together(count, *parts)


def _puddle(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.4)
    spray = bandpass(noise(rng, count), 700, 5500) * curve(count, (0, 0), (0.06, 1), (0.3, 0.4), (1, 0)) * 0.7
    parts: list[tuple[float, Signal]] = [(0.0, spray)]
    for _ in range(round(scale(14, 56, request.size))):
        hz = float(np.exp(rng.uniform(np.log(500), np.log(3500))))
        parts.append(
            (rng.uniform(0.02, 0.3), bubble(hz, bubble_t60(hz), 0.6, frames(0.1)) * rng.uniform(0.1, 0.6))
        )
    return together(count, *parts)


def _mud(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.45)
    squelch = bandpass(noise(rng, count), scale(350, 180, request.size), 1500) * curve(
        count, (0, 0), (0.08, 1), (0.3, 0.3), (0.6, 0.7), (1, 0)
    )
    pops = [
        (rng.uniform(0.15, 0.4), bubble(rng.uniform(250, 900), 0.04, 1.0, frames(0.05)) * rng.uniform(0.3, 1))
        for _ in range(9)
    ]
    return together(count, (0.0, squelch), *pops)


def step(request: EffectRequest, rng: Rng) -> Signal:
    """Take one step on the ground that is asked for."""
    ground = request.material if request.material in GROUNDS else "stone"
    if ground in _FIRM:
        return _firm(request, rng, _FIRM[ground])
    if ground in _LOOSE:
        return _crunch(request, rng, _LOOSE[ground])
    return to_peak(_puddle(request, rng) if ground == "water" else _mud(request, rng))


GROUNDS = ("wood", *(ground for ground in (*_FIRM, *_LOOSE) if ground != "wood"), "water", "mud")


def _on(ground: str) -> tuple[str, ...]:
    return (ground, *(other for other in GROUNDS if other != ground))


def _usual(ground: str, request: EffectRequest) -> EffectRequest:
    return request if request.material in GROUNDS else replace(request, material=ground)


def _walk_on(ground: str) -> EventRenderer:
    def event(request: EffectRequest, rng: Rng) -> Signal:
        return step(_usual(ground, request), rng)

    return event


_WALK = Pacing((0.72, 0.38), 0.05, width=0.12, level_spread=0.3)
_RUN = Pacing((0.4, 0.26), 0.04, width=0.12, level_spread=0.25)

EFFECTS = (
    event_effect(
        "footsteps",
        "footsteps",
        "Footsteps",
        _walk_on("stone"),
        0.4,
        _WALK,
        materials=_on("stone"),
        space="street",
    ),
    event_effect(
        "footsteps_gravel",
        "footsteps",
        "Footsteps on gravel",
        _walk_on("gravel"),
        0.35,
        _WALK,
        materials=_on("gravel"),
    ),
    event_effect(
        "footsteps_snow",
        "footsteps",
        "Footsteps in snow",
        _walk_on("snow"),
        0.4,
        _WALK,
        materials=_on("snow"),
    ),
    event_effect(
        "footsteps_leaves",
        "footsteps",
        "Footsteps in leaves",
        _walk_on("leaves"),
        0.4,
        _WALK,
        materials=_on("leaves"),
    ),
    event_effect(
        "footsteps_water",
        "footsteps",
        "Footsteps in water",
        _walk_on("water"),
        0.4,
        _WALK,
        materials=_on("water"),
    ),
    event_effect(
        "running",
        "footsteps",
        "Somebody runs",
        _walk_on("stone"),
        0.3,
        _RUN,
        materials=_on("stone"),
        space="street",
    ),
)
