"""Rails, air and water."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    decay,
    frames,
    lowpass,
    noise,
    pulses,
    scale,
    to_peak,
)
from webapp.engines.sketch.effects.synthesis.engines import Combustion, Passage
from webapp.engines.sketch.effects.synthesis.modal import ring
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect, flow_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance, shape
from webapp.engines.sketch.effects.synthesis.streams import Filter, Grains, Phase, TurnCounter, Wander


def _clack(rng: Rng) -> Signal:
    """Let a wheel cross a joint of the rails."""
    count = frames(0.22)
    rail = ring(
        np.array([310, 520, 890, 1430, 2300]) * rng.uniform(0.95, 1.05, 5),
        np.array([0.16, 0.14, 0.1, 0.08, 0.05]),
        np.array([1.0, 0.8, 0.6, 0.5, 0.3]),
        count,
    )
    weight = lowpass(noise(rng, count), 240) * decay(count, 0.13)
    return to_peak(
        to_peak(rail) * 0.6
        + 0.9 * to_peak(weight)
        + 0.25 * to_peak(bandpass(noise(rng, count), 900, 4500) * decay(count, 0.06))
    )


class _Wheels:
    """Bogies over joints: two clacks, a gap, two clacks."""

    def __init__(self, rng: Rng, cars_per_s: float) -> None:
        self._rng, self._per_s, self._due, self._at = rng, cars_per_s, 0.05, 0
        self._grains, self._pool = Grains(), [_clack(rng) for _ in range(8)]

    def __call__(self, count: int) -> Signal:
        end = (self._at + count) / SAMPLE_RATE
        while self._due < end:
            car = 1 / self._per_s
            for share, level in ((0.0, 1.0), (0.13, 0.85), (0.27, 0.8), (0.4, 0.7)):
                start = max(0, round((self._due + share * car) * SAMPLE_RATE) - self._at)
                clack = self._pool[int(self._rng.integers(0, 8))] * level * self._rng.uniform(0.6, 1)
                self._grains.add(start, clack, float(self._rng.uniform(-0.3, 0.3)))
            self._due += car * self._rng.uniform(0.97, 1.03)
        self._at += count
        return self._grains.take(count)


# Wheels on rails howl softly: frequency, width, level.
_STEEL = ((820.0, 34.0, 1.0), (1250.0, 44.0, 0.8), (1750.0, 55.0, 0.6), (2900.0, 70.0, 0.25))


def _rumble(rng: Rng, flutter_hz: float, squeal: float) -> NoiseStream:
    shake, slow = Wander(rng, flutter_hz), Wander(rng, 1.0)
    bends = [Wander(rng, 0.8) for _ in _STEEL]

    def gains(moment: Signal, hz: Signal) -> Signal:
        low = band(hz, 45, 240, 1.3) * (1 + 0.2 * shake.at(moment)) + 0.1 * band(hz, 350, 1900, 1.2) * (
            1 + 0.15 * slow.at(moment)
        )
        for bend, (centre, width, level) in zip(bends, _STEEL, strict=True):
            swing = bend.at(moment)
            low = low + squeal * level * np.clip(0.55 + 0.5 * swing, 0, 2) * resonance(
                hz, centre * (1 + 0.12 * swing), width
            )
        return np.asarray(low)

    return NoiseStream(rng, gains, width=0.8)


def _train(squeal: float, clacks: float, *, goes_by: bool) -> StreamRenderer:
    def render(request: EffectRequest, rng: Rng) -> Stream:
        wheels, rumble, at = _Wheels(rng, scale(0.55, 2.0, request.speed)), _rumble(rng, 14, squeal), 0
        total = min(request.duration_s, 14.0)

        def stream(count: int) -> Signal:
            nonlocal at
            moment = (at + np.arange(count)) / SAMPLE_RATE
            at += count
            both = clacks * wheels(count) + rumble(count)
            if goes_by:
                share = (moment % total) / total
                both = both * np.clip(0.1 + 1.2 * np.sin(np.pi * share) ** 1.6, 0, 1)
            return both

        return stream

    return render


def _steam(request: EffectRequest, rng: Rng) -> Stream:
    """A steam engine: four puffs a turn, the first the strongest, over rods and rails."""
    grains, counter, drift = Grains(), TurnCounter(), Wander(rng, 0.3)
    rate, puff_number, started = scale(2.0, 8.0, request.speed), 0, 0
    rods = Filter("bandpass", 500, 2600, order=1)
    beat, ground = Phase(), _rumble(rng, 8, 0.0)

    def puff(rate_hz: float) -> Signal:
        count = frames(min(0.5, 1.15 / rate_hz))

        def gains(share: Signal, hz: Signal) -> Signal:
            level = np.interp(share, [0, 0.16, 0.45, 1], [0, 1, 0.6, 0])
            return np.asarray(
                level * (band(hz, 160, 1400 + 1800 * (1 - share), 0.8) + 0.7 * resonance(hz, 420, 260))
            )

        return to_peak(shape(noise(rng, count), gains))

    def stream(count: int) -> Signal:
        nonlocal puff_number, started
        speed = rate * min(1.0, 0.55 + 0.45 * (started / SAMPLE_RATE) / 6.0)
        started += count
        hz = speed * (1 + 0.03 * drift(count))
        for start in counter(hz):
            level = (1.0, 0.72, 0.85, 0.66)[puff_number % 4] * rng.uniform(0.85, 1)
            grains.add(int(start), puff(speed) * level, float(rng.uniform(-0.15, 0.15)))
            puff_number += 1
        clank = (
            rods(rng.standard_normal((2, count))) * np.exp(-((beat(hz / 2) / (2 * np.pi)) % 1.0) * 14) * 0.25
        )
        return grains.take(count) + clank + 0.5 * ground(count)

    return stream


def _helicopter(request: EffectRequest, rng: Rng) -> Stream:
    """Blades that slap their own wake: a deep pulse, air between, a turbine above."""
    rate = scale(38, 14, request.size) * scale(0.8, 1.25, request.speed)
    blade, tail, turbine = Phase(), Phase(), Phase()
    drift, gust = Wander(rng, 0.5), Wander(rng, 3.0)
    thud, chop = Filter("bandpass", 45, 245, order=1), Filter("bandpass", 250, 800, order=1)
    hiss = Filter("bandpass", 900, 6000, order=1)

    def stream(count: int) -> Signal:
        hz = rate * (1 + 0.012 * drift(count))
        turn = (blade(hz) / (2 * np.pi)) % 1.0
        slap = np.exp(-turn * 1.6) * (1 - np.exp(-turn * 40)) * (1.15 + 0.1 * gust(count))
        pulse = np.sin(2 * np.pi * turn * 0.8) * slap
        air = rng.standard_normal((2, count)) * 0.5 + rng.standard_normal(count)
        motor = np.sin(tail(hz * 5.6)) * (1 + 0.3 * gust(count)) + 0.12 * np.sin(
            turbine(np.full(count, 1870.0))
        )
        low = thud(pulse + 0.14 * air * slap)
        return 1.2 * low + 1.4 * chop(air * (slap + 0.08)) + 0.07 * hiss(air * (0.08 + slap)) + 0.14 * motor

    return stream


_JET_S = 9.0


def _jet(request: EffectRequest, rng: Rng) -> Stream:
    """Let a jet fly over: the whine comes first, the roar of the exhaust stays behind."""
    length_s = min(_JET_S, max(2.5, request.duration_s))
    speed = 75 * scale(0.6, 1.7, request.speed)
    side = 1.0 if rng.uniform() < 0.5 else -1.0
    way = Passage(speed, 105.0, length_s, side)
    fan_hz = 2240 * scale(1.25, 0.8, request.size)
    turn, rough = Phase(), Wander(rng, 9.0)

    def gains(moment: Signal, hz: Signal) -> Signal:
        along = speed * (moment - 0.48 * length_s)
        loud = (105.0**2 / (105.0**2 + along**2)) ** 0.65
        behind = 1 / (1 + np.exp(-along / (0.08 * speed * length_s)))
        bend = 343.0 / (343.0 + speed * along / np.sqrt(105.0**2 + along**2))
        air = band(hz, 70, 350 + 400 * loud, 0.65) * (0.45 + 0.75 * behind)
        fan = (1.1 - 0.9 * behind) * resonance(hz, fan_hz * bend, 200)
        return np.asarray(loud * (air + 0.08 * fan) * (1 + 0.1 * rough.at(moment)))

    roar = NoiseStream(rng, gains, width=0.6)

    def stream(count: int) -> Signal:
        level, doppler, pan = way(count)
        whine = (
            0.3 * pulses(turn(fan_hz * doppler), 0.3) * level**1.3 * np.clip(0.65 - 0.5 * side * pan, 0, 1.2)
        )
        gate = np.clip(level * 1e3, 0, 1)
        angle = (0.8 * pan + 1) * (np.pi / 4)
        return np.asarray((roar(count) + whine) * gate * np.stack([np.cos(angle), np.sin(angle)]))

    return stream


def _plane(request: EffectRequest, rng: Rng) -> Stream:
    """Fly on two propellers: engine and blade tips share one pitch, and the two of them beat."""
    phases, drifts = [Phase(rng.uniform()) for _ in range(2)], [Wander(rng, 0.4), Wander(rng, 0.5)]
    blade, bite = Phase(), scale(0.75, 1.3, request.speed)
    hz = 78 * bite * scale(1.25, 0.8, request.size)

    def wash(moment: Signal, bins: Signal) -> Signal:
        return np.asarray(
            band(bins, 60, 520, 1.3)
            + 0.25 * resonance(bins, 430, 160)
            + 0.1 * resonance(bins, 1250, 420)
            + 0 * moment
        )

    air = NoiseStream(rng, wash, width=0.6)

    def stream(count: int) -> Signal:
        sides = [
            pulses(phase(hz * factor * (1 + 0.001 * drift(count))), 0.75)
            for phase, drift, factor in zip(phases, drifts, (1.0, 1.008), strict=True)
        ]
        tones = np.stack([sides[0] + 0.6 * sides[1], 0.6 * sides[0] + sides[1]])
        return air(count) * (1 + 0.14 * np.sin(blade(np.full(count, hz / 2)))) + 1.4 * tones

    return stream


def _boat(request: EffectRequest, rng: Rng) -> Stream:
    engine = Combustion(
        rng,
        cylinders=2,
        pipe_hz=88 * scale(1.4, 0.7, request.size),
        sharpness=0.3,
        uneven=0.15,
        two_stroke=True,
    )
    drift, slosh, water = Wander(rng, 0.8), Wander(rng, 1.6), Filter("bandpass", 300, 3500, order=1)
    body = Filter("lowpass", 1500, order=1)
    rpm = 1900 * scale(0.5, 1.9, request.speed)

    def stream(count: int) -> Signal:
        mono = engine(rpm * (1 + 0.03 * drift(count)), np.ones(count))
        foam = water(rng.standard_normal((2, count)) * np.clip(0.7 + 0.5 * slosh(count), 0.1, 2))
        return body(mono * np.ones((2, 1))) + 0.35 * foam

    return stream


def _rowing(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(1.9, 1.2, request.speed))

    def gains(share: Signal, hz: Signal) -> Signal:
        pull = np.interp(share, [0, 0.08, 0.4, 0.7, 1], [0, 0.9, 0.6, 0.15, 0])
        return np.asarray(pull * band(hz, 250, 1600 + 2500 * share, 0.9))

    return shape(noise(rng, count), gains, 1024)


EFFECTS = (
    endless_effect("train", "rail", "A train rides", _train(0.5, 0.9, goes_by=False)),
    endless_effect("train_pass", "rail", "A train passes", _train(0.5, 1.0, goes_by=True), space="outdoors"),
    endless_effect("train_steam", "rail", "A steam train", _steam, space="outdoors"),
    endless_effect("subway", "rail", "A subway train", _train(1.1, 0.5, goes_by=False), space="tunnel"),
    endless_effect("helicopter", "aircraft", "A helicopter", _helicopter),
    flow_effect(
        "jet", "aircraft", "A jet flies over", _jet, _JET_S, Pacing((10.5, 7.0), 0.1, lead_s=0.0, width=0.0)
    ),
    endless_effect("propeller_plane", "aircraft", "A propeller plane", _plane),
    endless_effect("motorboat", "boat", "A motor boat", _boat),
    event_effect(
        "rowing", "boat", "Oars pull through water", _rowing, 1.5, Pacing((2.8, 1.5), 0.08, width=0.3)
    ),
)
