"""Frogs and insects."""

import numpy as np

from webapp.engines.sketch.effects.calls import Syllable, call
from webapp.engines.sketch.effects.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    frames,
    mix,
    pulses,
    scale,
    swell,
    together,
)
from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.streams import Filter, Grains, Phase, Wander
from webapp.engines.sketch.effects.vocal import Glottis

_CROAK = Syllable(
    0.42,
    ((0, 52), (0.5, 60), (1, 66)),
    ((0, 0), (0.1, 0.6), (0.6, 1), (0.9, 0.9), (1, 0)),
    (((620, 750), 220), ((1500, 1750), 320), ((2700, 2800), 500)),
    Glottis(0.96, 0.04, 0.012, 0.1, 30),
)
_RIBBIT = (
    Syllable(
        0.14,
        ((0, 62), (1, 72)),
        ((0, 0), (0.3, 0.9), (1, 0.2)),
        (((600, 800), 200), ((1400, 1700), 300), ((2600, 2700), 500)),
        Glottis(0.96, 0.04, 0.01, 0.1, 30),
        0.01,
    ),
    Syllable(
        0.18,
        ((0, 82), (1, 108)),
        ((0, 0.2), (0.4, 1), (0.85, 0.9), (1, 0)),
        (((800, 1100), 220), ((1800, 2300), 320), ((3000, 3100), 500)),
        Glottis(0.96, 0.04, 0.01, 0.1, 30),
    ),
)


def _chorus_of_crickets(request: EffectRequest, rng: Rng) -> Stream:
    grains = Grains()
    singers = max(1, round(mix(1, 7, request.density)))
    hz = scale(5200, 3900, request.size) * rng.uniform(0.94, 1.06, singers)
    period = 1 / scale(1.5, 4.5, request.speed) * rng.uniform(0.9, 1.15, singers)
    pans, levels = rng.uniform(-0.8, 0.8, singers), rng.uniform(0.15, 0.7, singers)
    pans[0], levels[0] = 0.1, 1.0
    due = rng.uniform(0, period)
    pulse = swell(frames(0.019), 1.4)
    at = 0

    def stream(count: int) -> Signal:
        nonlocal at
        end = (at + count) / SAMPLE_RATE
        for number in range(singers):
            while due[number] < end:
                tone = np.sin(2 * np.pi * hz[number] * np.arange(pulse.size) / SAMPLE_RATE) * pulse
                chirp = together(
                    frames(0.12), *((part * 0.03, tone * (0.6, 0.85, 1.0)[part]) for part in range(3))
                )
                grains.add(
                    max(0, round(due[number] * SAMPLE_RATE) - at),
                    chirp * levels[number] * rng.uniform(0.85, 1),
                    pans[number],
                )
                due[number] += period[number] * rng.uniform(0.94, 1.06)
        at += count
        return grains.take(count)

    return stream


def _cicadas(request: EffectRequest, rng: Rng) -> Stream:
    bands = [
        Filter("bandpass", low * f, high * f, order=2)
        for low, high, f in ((4300, 5600, 1.0), (6500, 8400, 1.0))
    ]
    beat, slow = Phase(), Phase(rng.uniform())
    drift = Wander(rng, 0.8)
    rate = scale(70, 190, request.speed)

    def stream(count: int) -> Signal:
        air = rng.standard_normal((2, count)) * 0.6 + rng.standard_normal(count)
        click = np.exp(-((beat(np.full(count, rate)) / (2 * np.pi)) % 1.0) * 4)
        song = 0.75 + 0.25 * np.sin(slow(np.full(count, 0.45))) + 0.06 * drift(count)
        return np.asarray((bands[0](air) + 0.6 * bands[1](air)) * click * song)

    return stream


class _Wings:
    """One insect in flight: the beat of its wings wanders in pitch, level and place."""

    def __init__(self, rng: Rng, hz: float, brightness: float, roaming: float) -> None:
        self._rng, self._hz, self._brightness, self._roaming = rng, hz, brightness, roaming
        self._phase = Phase(rng.uniform())
        self._slow, self._quick = Wander(rng, 0.7), Wander(rng, 5.0)
        self._level, self._pan = Wander(rng, 0.9), Wander(rng, 0.6)
        self._flutter = Wander(rng, 45.0)

    def __call__(self, count: int) -> Signal:
        slow = self._slow(count)
        hz = self._hz * (1 + 0.07 * slow + 0.018 * self._quick(count) + 0.006 * self._flutter(count))
        tone = pulses(self._phase(hz), self._brightness) * (1 + 0.15 * self._flutter(count))
        level = np.clip(1 - self._roaming * (0.45 + 0.4 * self._level(count)), 0.12, 1.3)
        angle = (np.clip(0.8 * self._roaming * self._pan(count), -0.95, 0.95) + 1) * (np.pi / 4)
        return np.asarray(np.stack([np.cos(angle), np.sin(angle)]) * tone * level)


def _flight(
    hz: float, brightness: float, roaming: float, most: int, body_hz: tuple[float, float]
) -> StreamRenderer:
    def render(request: EffectRequest, rng: Rng) -> Stream:
        number = max(1, round(most * request.density)) if most > 1 else 1
        pitch = hz * scale(1.35, 0.74, request.size) * scale(0.9, 1.12, request.speed)
        wings = [_Wings(rng, pitch * rng.uniform(0.85, 1.18), brightness, roaming) for _ in range(number)]
        body = Filter("bandpass", *body_hz, order=1)

        def stream(count: int) -> Signal:
            total = np.sum([wing(count) for wing in wings], axis=0) / np.sqrt(number)
            return np.asarray(body(total) + 0.012 * rng.standard_normal((2, count)) * np.abs(total))

        return stream

    return render


_FROGS = Pacing((0.9, 0.5), 0.25, (1, 3), (1.2, 0.4), width=0.4)

EFFECTS = (
    event_effect("frog", "animal", "A frog croaks", call(*_RIBBIT, span=1.35), 0.35, _FROGS),
    event_effect("toad", "animal", "A toad croaks", call(_CROAK, span=1.35), 0.45, _FROGS),
    endless_effect("crickets", "insect", "Crickets chirp", _chorus_of_crickets),
    endless_effect("cicadas", "insect", "Cicadas sing", _cicadas),
    endless_effect("bee", "insect", "A bee buzzes", _flight(215, 0.72, 0.7, 1, (180, 3800))),
    endless_effect("bees", "insect", "A swarm of bees", _flight(215, 0.72, 0.5, 16, (180, 3800))),
    endless_effect("fly", "insect", "A fly buzzes", _flight(185, 0.76, 1.0, 1, (250, 4500))),
    endless_effect("mosquito", "insect", "A mosquito whines", _flight(560, 0.6, 0.8, 1, (500, 6000))),
)
