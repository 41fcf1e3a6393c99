"""Frogs and insects."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.dsp import (
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
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.streams import Filter, Grains, Phase, Wander
from webapp.engines.sketch.effects.synthesis.vocal import Glottis

_CROAK = Syllable(
    0.39,
    ((0, 61.3), (0.5, 67.4), (1, 71.8)),
    ((0, 0.0), (0.1, 0.6), (0.6, 1.0), (0.9, 0.9), (1, 0.0)),
    (((836, 1010), 113), ((2020, 2360), 138), ((3640, 3780), 195)),
    Glottis(0.97, 0, 0.023, 0, 26.1),
)
_RIBBIT = (
    Syllable(
        0.21,
        ((0, 53.6), (1, 70.4)),
        ((0, 0.0), (0.3, 0.9), (1, 0.2)),
        (((705, 940), 89.9), ((1640, 2000), 207), ((3050, 3170), 462)),
        Glottis(0.97, 0.57, 0.0049, 0.4, 54),
        wait_s=0.015,
    ),
    Syllable(
        0.27,
        ((0, 67.3), (1, 111)),
        ((0, 0.2), (0.4, 1.0), (0.85, 0.9), (1, 0.0)),
        (((940, 1290), 98.9), ((2110, 2700), 218), ((3520, 3640), 423)),
        Glottis(0.97, 0.57, 0.0049, 0.4, 54),
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
        self._slow, self._quick = Wander(rng, 1.2), Wander(rng, 6.0)
        self._level, self._pan = Wander(rng, 0.9), Wander(rng, 0.6)
        self._flutter = Wander(rng, 45.0)

    def __call__(self, count: int) -> Signal:
        slow = self._slow(count)
        flutter = self._flutter(count)
        hz = self._hz * (1 + 0.02 * slow + 0.021 * self._quick(count) + 0.012 * flutter)
        tone = pulses(self._phase(hz), self._brightness) * (1 + 0.52 * flutter)
        level = np.clip(1 - self._roaming * (0.45 + 0.4 * self._level(count)), 0.12, 1.3)
        angle = (np.clip(0.8 * self._roaming * self._pan(count), -0.95, 0.95) + 1) * (np.pi / 4)
        return np.asarray(np.stack([np.cos(angle), np.sin(angle)]) * tone * level)


def _flight(
    hz: float, brightness: float, roaming: float, most: int, body_hz: tuple[float, float]
) -> StreamRenderer:
    def render(request: EffectRequest, rng: Rng) -> Stream:
        number = max(2, round(most * request.density))
        spread = 0.03 if most < 4 else 0.18
        pitch = hz * scale(1.35, 0.74, request.size) * scale(0.9, 1.12, request.speed)
        wings = [
            _Wings(rng, pitch * rng.uniform(1 - spread, 1 + spread), brightness, roaming)
            for _ in range(number)
        ]
        body = Filter("bandpass", *body_hz, order=1)
        rush = Filter("bandpass", body_hz[0], body_hz[1] * 1.5, order=1)

        def stream(count: int) -> Signal:
            total = np.sum([wing(count) for wing in wings], axis=0) / np.sqrt(number)
            return np.asarray(body(total) + 0.9 * rush(rng.standard_normal((2, count)) * np.abs(total)))

        return stream

    return render


_FROGS = Pacing((0.9, 0.5), 0.25, (1, 3), (1.2, 0.4), width=0.4)

EFFECTS = (
    event_effect("frog", "animal", "A frog croaks", call(*_RIBBIT, span=1.35), 0.35, _FROGS),
    event_effect("toad", "animal", "A toad croaks", call(_CROAK, span=1.35), 0.45, _FROGS),
    endless_effect("crickets", "insect", "Crickets chirp", _chorus_of_crickets),
    endless_effect("cicadas", "insect", "Cicadas sing", _cicadas),
    endless_effect("bee", "insect", "A bee buzzes", _flight(230, 0.88, 0.5, 1, (300, 6000))),
    endless_effect("bees", "insect", "A swarm of bees", _flight(195, 0.71, 0.38, 16, (297, 3700))),
    endless_effect("fly", "insect", "A fly buzzes", _flight(180, 0.8, 0.9, 1, (297, 4000))),
    endless_effect("mosquito", "insect", "A mosquito whines", _flight(560, 0.6, 0.8, 1, (500, 6000))),
)
