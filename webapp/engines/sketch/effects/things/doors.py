"""Doors and knocks."""

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
    edges,
    frames,
    layers,
    lowpass,
    noise,
    scale,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import resonators, ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect

# Modes of a door leaf: lowest for a medium one, how long it rings, how bright a blow is.
_LEAVES = {"wood": (115.0, 0.16, 1500.0), "metal": (150.0, 0.7, 3500.0), "glass": (260.0, 0.25, 5000.0)}
_MATERIALS = tuple(_LEAVES)


def _leaf(request: EffectRequest) -> tuple[float, float, float]:
    lowest, t60, bright = _LEAVES.get(request.material, _LEAVES["wood"])
    return lowest * scale(1.7, 0.6, request.size), t60, bright


def thump(rng: Rng, lowest: float, t60: float, bright_hz: float, hardness: float) -> Signal:
    """Hit a panel: many low plate modes, and the noise of the contact."""
    count = frames(max(0.3, t60 * 1.4))
    hz = lowest * np.sqrt(np.arange(1, 19)) ** 1.35 * rng.uniform(0.93, 1.07, 18)
    levels = rng.uniform(0.4, 1, 18) * np.exp(-hz / (bright_hz * scale(0.3, 1.2, hardness)))
    panel = ring(
        hz, t60 * (hz / lowest) ** -0.55 * rng.uniform(0.7, 1.2, 18), levels, count, rng.uniform(0, 0.6, 18)
    )
    contact = lowpass(
        burst(rng, count / SAMPLE_RATE, scale(0.05, 0.03, hardness), scale(0.004, 0.001, hardness)),
        bright_hz * scale(0.7, 2.2, hardness),
    )
    return to_peak(to_peak(panel) + 0.45 * to_peak(contact))


def _knock(request: EffectRequest, rng: Rng) -> Signal:
    lowest, t60, bright = _leaf(request)
    return thump(rng, lowest * 1.6, t60, bright, _hardness(request))


def _hardness(request: EffectRequest) -> float:
    """Give how hard a blow is, in the range of hands."""
    return 0.3 + 0.6 * request.intensity


def _slam(request: EffectRequest, rng: Rng) -> Signal:
    """The leaf hits the frame, the latch snaps, the wall answers."""
    lowest, t60, bright = _leaf(request)
    swish_length = frames(0.16)
    swish = lowpass(noise(rng, swish_length), 900) * curve(swish_length, (0, 0), (1, 0.09))
    blow = thump(rng, lowest * 0.62, t60 * 2.6, bright * 1.3, 0.75)
    wall = lowpass(noise(rng, frames(0.7)), 230) * decay(frames(0.7), 0.55) * 0.8
    latch = strike(rng, "latch", size=0.5, hardness=0.8, duration_s=0.12)
    rattle = strike(rng, "wood", size=0.5, hardness=0.5, duration_s=0.2)
    return together(
        frames(1.1),
        (0.0, swish),
        (0.16, layers(blow, to_peak(wall, 0.5))),
        (0.165, 0.25 * to_peak(latch)),
        (0.215, 0.25 * to_peak(rattle)),
    )


def _latch(rng: Rng) -> Signal:
    parts = [
        (at, level * to_peak(strike(rng, "latch", size=size, hardness=0.7, duration_s=0.14)))
        for at, level, size in ((0.0, 0.6, 0.3), (0.09, 1.0, 0.4), (0.17, 0.5, 0.25))
    ]
    body = thump(rng, 210, 0.09, 1800, 0.4)
    return layers(together(frames(0.4), *parts), 0.5 * body)


def creak(rng: Rng, length_s: float, slow_hz: float, fast_hz: float, body_hz: float) -> Signal:
    """Rub a dry hinge: it sticks and slips at a rate that follows the pull, and each slip rings the wood."""
    count = frames(length_s)
    pull = np.clip(0.5 + 0.34 * wander(rng, count, 2.2) + 0.12 * wander(rng, count, 9), 0.03, 1.2)
    hz = slow_hz * (fast_hz / slow_hz) ** pull * np.exp(0.066 * wander(rng, count, 90))
    turn = np.cumsum(hz) / 44_100
    slips = np.flatnonzero(np.diff(np.floor(turn)) > 0)
    hits = np.zeros(count)
    hits[slips] = rng.uniform(0.5, 1, slips.size) * (0.35 + pull[slips])
    hits = hits + 0.02 * noise(rng, count) * pull * (hits.cumsum() > 0)
    bank = body_hz * np.array([1.0, 1.62, 2.3, 3.1, 4.4, 6.1, 8.3]) * rng.uniform(0.95, 1.05, 7)
    sound = resonators(
        hits,
        bank,
        0.014 * np.array([1.0, 0.9, 0.7, 0.6, 0.4, 0.32, 0.25]),
        np.array([0.7, 1.55, 2.4, 2.4, 2.2, 1.9, 1.4]),
    )
    stops = np.clip(1.3 * wander(rng, count, 1.6) + 0.9, 0.0, 1.0)
    return edges(to_peak(sound * stops), 0.05, 0.1)


def _creak(request: EffectRequest, rng: Rng) -> Signal:
    length_s = scale(3.0, 1.1, request.speed) * rng.uniform(0.85, 1.15)
    pitch = scale(1.5, 0.65, request.size)
    return creak(rng, length_s, 110 * pitch, 950 * pitch, 1000 * pitch)


def _open(request: EffectRequest, rng: Rng) -> Signal:
    swing = creak(rng, scale(1.8, 0.7, request.speed), 70, 520, 950)
    return together(frames(2.6), (0.0, _latch(rng)), (0.4, 0.5 * swing))


def _close(request: EffectRequest, rng: Rng) -> Signal:
    lowest, t60, bright = _leaf(request)
    return layers(
        thump(rng, lowest * 0.9, t60 * 1.3, bright * 0.8, 0.35),
        np.concatenate((np.zeros(frames(0.05)), 0.7 * _latch(rng))),
    )


def _lock(request: EffectRequest, rng: Rng) -> Signal:
    pace = scale(1.3, 0.77, request.speed)
    parts = [
        (at * pace, level * to_peak(strike(rng, "latch", size=size, hardness=0.6, duration_s=0.15)))
        for at, level, size in ((0.0, 0.3, 0.2), (0.12, 0.25, 0.2), (0.35, 0.5, 0.3), (0.52, 1.0, 0.55))
    ]
    return layers(
        together(frames(0.9), *parts),
        np.concatenate((np.zeros(frames(0.52 * pace)), 0.7 * thump(rng, 190, 0.12, 1600, 0.4))),
    )


def _sliding(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(1.6, 0.7, request.speed))
    roll = (
        bandpass(noise(rng, count), 120, 1600)
        * (1 + 0.4 * wander(rng, count, 40))
        * curve(count, (0, 0), (0.1, 0.8), (0.8, 1), (1, 0.2))
    )
    return together(
        count + frames(0.4), (0.0, 0.5 * to_peak(roll)), (count / 44_100, thump(rng, 130, 0.15, 1500, 0.5))
    )


def _squeak(request: EffectRequest, rng: Rng) -> Signal:
    pitch = scale(1.5, 0.65, request.size)
    return creak(rng, scale(0.9, 0.35, request.speed), 246 * pitch, 2400 * pitch, 1066 * pitch)


def _plan(slow: float, fast: float) -> Pacing:
    return Pacing((slow, fast), 0.1, (1, 1), (1.2, 0.4))


EFFECTS = (
    event_effect(
        "knock",
        "door",
        "Somebody knocks",
        _knock,
        0.3,
        Pacing((0.34, 0.17), 0.08, (3, 4), (1.8, 0.9)),
        materials=_MATERIALS,
        space="room",
    ),
    event_effect("door_creak", "door", "A door creaks", _creak, 2.0, _plan(3.2, 1.5), space="room"),
    event_effect(
        "door_slam", "door", "A door slams", _slam, 1.1, _plan(2.4, 1.2), materials=_MATERIALS, space="hall"
    ),
    event_effect("door_open", "door", "A door opens", _open, 2.2, _plan(3.2, 2.2), space="room"),
    event_effect(
        "door_close",
        "door",
        "A door closes",
        _close,
        0.6,
        _plan(2.0, 1.0),
        materials=_MATERIALS,
        space="room",
    ),
    event_effect("door_lock", "door", "A key turns in a lock", _lock, 0.9, _plan(1.8, 1.0), space="room"),
    event_effect("door_sliding", "door", "A door slides", _sliding, 1.5, _plan(2.6, 1.6), space="room"),
    event_effect("squeak", "door", "Something squeaks", _squeak, 0.6, _plan(1.2, 0.5)),
)
