"""Vehicles of the road."""

from dataclasses import replace

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    curve,
    edges,
    frames,
    lowpass,
    noise,
    pulses,
    scale,
    to_peak,
    together,
    turns,
    wander,
)
from webapp.engines.sketch.effects.synthesis.engines import Combustion, Passage, panned
from webapp.engines.sketch.effects.synthesis.modal import strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect, flow_effect
from webapp.engines.sketch.effects.synthesis.streams import Filter, Phase, Wander

# Cylinders, resonance of the exhaust, sharpness of a stroke, unevenness, idle and top speed in rpm.
_ENGINES: dict[str, tuple[int, float, float, float, float, float]] = {
    "car": (4, 130, 0.16, 0.12, 780, 4200),
    "truck": (6, 52, 0.35, 0.2, 560, 1900),
    "motorcycle": (2, 92, 0.75, 0.3, 1050, 6000),
    "race_car": (8, 150, 0.75, 0.08, 3000, 11500),
    "tractor": (2, 62, 0.5, 0.25, 620, 1500),
}

_PASS_S = 6.5


def _engine(kind: str, rng: Rng, size: float = 0.5) -> Combustion:
    cylinders, pipe, sharp, uneven, _, _ = _ENGINES[kind]
    stroke_s = 0.02 if kind == "race_car" else 0.075
    return Combustion(
        rng,
        stroke_s=stroke_s,
        cylinders=cylinders,
        pipe_hz=pipe * scale(1.4, 0.7, size),
        sharpness=sharp,
        uneven=uneven,
    )


def _running(kind: str, low: float, high: float, revs_per_s: float) -> StreamRenderer:
    """Run an engine between two shares of its speed; it is revved now and then if ``revs_per_s`` is not 0."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        engine, drift, foot = (
            _engine(kind, rng, request.size),
            Wander(rng, 1.2),
            Wander(rng, max(revs_per_s, 0.1)),
        )
        idle, top = _ENGINES[kind][4], _ENGINES[kind][5]
        body, rattle = (
            Filter("lowpass", scale(1600, 5200, request.intensity), order=1),
            Filter("bandpass", 1800, 6000, order=1),
        )
        turn = Phase()
        pace = scale(0.85, 1.25, request.speed)

        def stream(count: int) -> Signal:
            wanted = np.clip(0.5 + 0.55 * foot(count), 0, 1) if revs_per_s else np.full(count, 0.5)
            share = low + (high - low) * wanted
            rpm = (idle + (top - idle) * share) * pace * (1 + 0.008 * drift(count))
            load = 0.55 + 0.45 * share
            mono = engine(rpm, load)
            valves = rattle(rng.standard_normal((2, count))) * (0.5 + 0.5 * np.sin(turn(rpm / 60 * 4))) * 0.09
            return body(mono * np.ones((2, 1))) + valves * load

        return stream

    return render


def _pass(kind: str, speed_m_s: float, tyres: float, share: float) -> StreamRenderer:
    """Let a vehicle come, pass and go: engine and tyres, bent by its speed, dulled by the way."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        length_s = min(_PASS_S, max(2.5, request.duration_s))
        pace = speed_m_s * scale(0.55, 1.8, request.speed)
        way = Passage(pace, 10.0, length_s, 1.0 if rng.uniform() < 0.5 else -1.0)
        engine, drift, flutter = _engine(kind, rng, request.size), Wander(rng, 1.5), Wander(rng, 60.0)
        rolling, weight = (
            Filter("bandpass", 150, 1100, order=1, channels=1),
            Filter("lowpass", 260, channels=1),
        )
        near, far = Filter("lowpass", 9000, channels=1), Filter("lowpass", 450, channels=1)
        idle, top = _ENGINES[kind][4], _ENGINES[kind][5]
        rpm = idle + (top - idle) * share

        def stream(count: int) -> Signal:
            level, doppler, pan = way(count)
            motor = engine(rpm * doppler * (1 + 0.01 * drift(count)), np.ones(count))
            air = rng.standard_normal((1, count))
            road = rolling(air * (1 + 0.3 * flutter(count)))[0] + 0.4 * weight(air)[0]
            both = (motor + tyres * road)[None]
            heard = near(both)[0] * level**0.6 + far(both)[0] * (1 - level**0.6)
            return panned(heard * level, pan)

        return stream

    return render


def _start(request: EffectRequest, rng: Rng) -> Signal:
    """The key turns, the starter labours against compression, the engine catches and settles."""
    crank_s = rng.uniform(0.9, 1.4)
    count = frames(4.6)
    crank = frames(crank_s)
    labour = 1 - 0.4 * np.abs(np.sin(np.pi * 7.5 * np.arange(crank) / SAMPLE_RATE)) ** 2
    whine = pulses(turns(310 * labour), 0.8) + 0.5 * pulses(turns(620 * labour), 0.6)
    starter = bandpass((whine + 0.5 * noise(rng, crank)) * (1.2 - 0.8 * labour + 0.3), 180, 3200)
    starter = edges(starter, 0.03, 0.05)
    idle = _ENGINES["car"][4]
    running = count - crank
    rpm = idle * curve(running, (0, 0.5), (0.09, 2.7), (0.2, 2.3), (0.42, 1.15), (1, 1.0))
    load = curve(running, (0, 0.2), (0.05, 1.2), (0.25, 0.9), (0.45, 0.55), (0.93, 0.55), (1, 0))
    engine = lowpass(_engine("car", rng, request.size)(rpm, load), 2600, 1)
    click = to_peak(strike(rng, "metal", size=0.4, hardness=0.7, duration_s=0.1), 0.25)
    return together(count, (0.0, click), (0.06, to_peak(starter, 0.42)), (crank_s, to_peak(engine)))


def _skid(request: EffectRequest, rng: Rng) -> Signal:
    """Tyres that stick and slip: a few howling tones that bend together, and the rub beneath."""
    count = frames(scale(2.6, 1.2, request.speed))
    bend = curve(count, (0, 0.94), (0.2, 1.05), (0.7, 1.0), (1, 0.8)) * (1 + 0.02 * wander(rng, count, 9))
    total = np.zeros(count)
    for hz in (
        np.array([1130, 1185, 1250, 1340]) * scale(1.25, 0.8, request.size) * rng.uniform(0.96, 1.04, 4)
    ):
        phase = turns(hz * bend * (1 + 0.02 * wander(rng, count, 100)), rng.uniform())
        total += pulses(phase, 0.72) * np.clip(0.7 + 0.5 * wander(rng, count, 6), 0, 2)
    rub = bandpass(noise(rng, count), 600, 4200) * (1 + 0.3 * wander(rng, count, 60))
    return (to_peak(total) + 0.5 * to_peak(rub)) * curve(count, (0, 0), (0.05, 1), (0.75, 0.9), (1, 0))


def _crash(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(2.4)
    boom = lowpass(noise(rng, count), 380) * np.exp(-np.arange(count) / SAMPLE_RATE / 0.14) * 2.5
    crunch = (
        bandpass(noise(rng, count), 300, 6000)
        * np.exp(-np.arange(count) / SAMPLE_RATE / 0.16)
        * np.abs(wander(rng, count, 200))
    )
    parts: list[tuple[float, Signal]] = [(0.0, to_peak(boom + crunch))]
    for _ in range(round(scale(18, 72, request.size))):
        at = float(rng.beta(1, 3.5)) * 2.0
        material = rng.choice(["glass", "latch", "latch", "plastic"])
        piece = to_peak(
            strike(rng, material, size=float(rng.uniform(0.1, 0.8)), hardness=0.9, duration_s=0.35)
        )
        parts.append((at, piece * rng.uniform(0.1, 0.45) * (1 - at / 3)))
    return together(count, *parts)


def _traffic(request: EffectRequest, rng: Rng) -> Stream:
    gap = scale(3.2, 0.9, request.density)
    pacing = Pacing((gap * 1.4, gap * 0.7), 1.0, lead_s=0.0)
    cars = flow_effect("", "", "", _pass("car", 15, 0.8, 0.65), 5.0, pacing).render(
        replace(request, count=None), rng
    )
    hum, drift = Filter("bandpass", 60, 420, order=1), Wander(rng, 0.4)

    def stream(count: int) -> Signal:
        far = hum(rng.standard_normal((2, count)) * (1 + 0.15 * drift(count)))
        return cars(count) + 0.22 * far

    return stream


def _bicycle(request: EffectRequest, rng: Rng) -> Stream:
    """A freewheel: pawls click over the teeth of the hub."""
    rate, beat, hiss = scale(9, 42, request.speed), Phase(), Filter("bandpass", 2200, 7500, order=1)
    wheel, drift = Phase(), Wander(rng, 0.8)

    def stream(count: int) -> Signal:
        hz = rate * (1 + 0.1 * drift(count))
        turn = (beat(hz) / (2 * np.pi)) % 1.0
        click = np.exp(-turn * 900 / rate) * (0.8 + 0.2 * np.sin(wheel(hz / 18)))
        return hiss(
            rng.standard_normal((2, count)) * 0.5 * click
            + rng.standard_normal(count) * click
            + 0.02 * rng.standard_normal((2, count))
        )

    return stream


_PASS = Pacing((8.0, 4.5), 0.2, lead_s=0.0, width=0.0)

EFFECTS = (
    event_effect("car_start", "vehicle", "A car starts", _start, 4.6, Pacing((6.5, 5.0), 0.1)),
    endless_effect("car_idle", "vehicle", "A car idles", _running("car", 0.0, 0.02, 0)),
    endless_effect("car_revving", "vehicle", "An engine is revved", _running("car", 0.02, 0.95, 0.55)),
    flow_effect("car_pass", "vehicle", "A car passes", _pass("car", 17, 0.8, 0.7), _PASS_S, _PASS),
    flow_effect("truck_pass", "vehicle", "A truck passes", _pass("truck", 13, 0.8, 0.85), _PASS_S, _PASS),
    flow_effect("race_car", "vehicle", "A race car passes", _pass("race_car", 55, 0.3, 0.75), _PASS_S, _PASS),
    event_effect("car_skid", "vehicle", "Tyres squeal", _skid, 1.9, Pacing((3.2, 1.9), 0.1), space="street"),
    event_effect(
        "car_crash", "vehicle", "A car crashes", _crash, 2.2, Pacing((4.5, 3.0), 0.1), space="street"
    ),
    endless_effect("truck", "vehicle", "A truck idles", _running("truck", 0.0, 0.1, 0)),
    endless_effect("tractor", "vehicle", "A tractor", _running("tractor", 0.3, 0.5, 0.2)),
    endless_effect("motorcycle", "vehicle", "A motorcycle", _running("motorcycle", 0.05, 0.8, 0.5)),
    flow_effect(
        "motorcycle_pass", "vehicle", "A motorcycle passes", _pass("motorcycle", 24, 0.3, 0.6), _PASS_S, _PASS
    ),
    endless_effect("traffic", "vehicle", "Traffic", _traffic),
    endless_effect("bicycle", "vehicle", "A bicycle coasts", _bicycle),
)
