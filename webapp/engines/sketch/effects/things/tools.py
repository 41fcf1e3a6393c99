"""Tools and machines of house and workshop."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    highpass,
    layers,
    noise,
    pulses,
    scale,
    soft,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.engines import Motor
from webapp.engines.sketch.effects.synthesis.modal import ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance
from webapp.engines.sketch.effects.synthesis.streams import Filter, Phase, Wander


def _work(at: int, count: int, on_s: float, off_s: float) -> Signal:
    """Give the trigger of a tool in bursts: 0 … 1, with the run-up and run-down of its motor."""
    moment = (at + np.arange(count)) / SAMPLE_RATE
    since = moment % (on_s + off_s)
    up = 1 - np.exp(-since / 0.09)
    down = np.exp(-np.maximum(since - on_s, 0) / 0.12)
    return np.where(since < on_s, up, down)


def motor_tool(
    hz: float,
    slots: int,
    brightness: float,
    rush: float,
    band_hz: tuple[float, float],
    bite: float,
    on_s: float,
    off_s: float,
) -> StreamRenderer:
    """Run a hand-held motor in bursts; under load its pitch sags and its noise grows."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        motor, load, at = (
            Motor(rng, brightness=brightness, slots=slots, rush=rush, band_hz=band_hz),
            Wander(rng, 1.3),
            0,
        )
        grit, chatter = Filter("bandpass", 900, 6500, order=1), Wander(rng, 70)
        turns_hz = hz * scale(0.7, 1.4, request.speed) * scale(1.2, 0.84, request.size)

        def stream(count: int) -> Signal:
            nonlocal at
            work = _work(at, count, on_s, off_s)
            at += count
            press = np.clip(0.5 + 0.5 * load(count), 0, 1) * request.intensity * 1.6
            spin = turns_hz * np.maximum(work, 0.02) * (1 - 0.14 * press)
            cut = (
                grit(rng.standard_normal((2, count)))
                * np.clip(0.6 + 0.5 * chatter(count), 0, 2)
                * bite
                * press
                * work
            )
            return motor(spin, work**1.4 * (0.8 + 0.2 * press)) + cut

        return stream

    return render


def steady_motor(
    hz: float, slots: int, brightness: float, tone: float, air_hz: tuple[float, float], slope: float = 1.3
) -> StreamRenderer:
    """Run a motor with a fan without a pause: air above all, the motor's tones within."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        motor = Motor(rng, brightness=brightness, slots=slots, rush=0.0, band_hz=(70, 6000))
        drift, beat = Wander(rng, 0.7), Phase()
        factor = scale(0.75, 1.35, request.speed) * scale(1.25, 0.8, request.size)
        warm = Wander(rng, 2.0)
        whirling = 0.4 if slope < 2 else 0.02

        def rush(moment: Signal, bins: Signal) -> Signal:
            whirl = resonance(bins, 430 * factor, 160) + 0.6 * resonance(bins, 1250 * factor, 420)
            return np.asarray((band(bins, *air_hz, slope) + whirling * whirl) * (1 + 0.04 * warm.at(moment)))

        air = NoiseStream(rng, rush, width=0.6)

        def stream(count: int) -> Signal:
            spin = hz * factor * (1 + 0.006 * drift(count))
            blades = 1 + 0.12 * np.sin(beat(spin))
            return air(count) * blades + tone * motor(spin, np.ones(count))

        return stream

    return render


def _chainsaw(request: EffectRequest, rng: Rng) -> Stream:
    """A two-stroke engine that screams when the trigger is pulled, and the chain."""
    phase, load, at = Phase(), Wander(rng, 1.5), 0
    shake, body = Wander(rng, 25), Filter("bandpass", 863, 1381, order=1)
    upper, chain = Filter("bandpass", 2330, 3730, order=1), Filter("bandpass", 1500, 7000, order=1)
    top = 162 * scale(0.75, 1.3, request.speed) * scale(1.25, 0.8, request.size)

    def stream(count: int) -> Signal:
        nonlocal at
        work = _work(at, count, 2.6, 0.7)
        at += count
        hz = top * (0.55 + 0.45 * work) * (1 + 0.12 * load(count) + 0.022 * shake(count))
        turn = phase(hz)
        gas = 0.43 * rng.standard_normal((2, count)) * np.clip(pulses(turn, 0.6) + 0.3, 0, 3)
        stroke = soft(pulses(turn, 0.75) * (1 + 0.05 * np.cos(turn / 2)) + gas, 0.64)
        teeth = 0.05 * chain(rng.standard_normal((2, count))) * work
        return (body(stroke) + 0.83 * upper(stroke)) * (0.4 + 0.6 * work) + teeth

    return stream


def _hammer(request: EffectRequest, rng: Rng) -> Signal:
    """Hit a nail: a hard metal click, the nail's ring, the board below."""
    board = strike(rng, "wood", size=0.4 + 0.5 * request.size, hardness=0.85, duration_s=0.3)
    nail = ring(
        np.array([2900, 4300, 6100, 8200]) * rng.uniform(0.9, 1.12),
        np.array([0.12, 0.1, 0.07, 0.05]),
        np.array([1.0, 0.8, 0.6, 0.4]),
        frames(0.2),
    )
    click = noise(rng, frames(0.02)) * decay(frames(0.02), 0.012)
    return layers(to_peak(board), 0.12 * to_peak(nail), 0.8 * to_peak(click))


def _saw(request: EffectRequest, rng: Rng) -> Signal:
    """One stroke forth and back: teeth rasp, the blade and the board ring along."""
    period = scale(1.15, 0.42, request.speed)
    pitch = scale(1.3, 0.75, request.size)
    parts: list[tuple[float, Signal]] = []
    for start, share, level, way in ((0.0, 0.43, 1.0, 1.0), (0.48, 0.5, 0.95, 1.15)):
        count = frames(period * share)
        bow = np.sin(np.linspace(0.25, np.pi - 0.2, count)) * (1 + 0.1 * wander(rng, count, 40))
        turn = np.cumsum(149 * way * pitch * bow) / SAMPLE_RATE % 1.0
        air, low = noise(rng, count), 490 * way * pitch
        rasp = bandpass(air, low, low * 5.2) + 0.27 * bandpass(air, 300, 800) + 0.15 * highpass(air, 4500)
        stroke = rasp * (np.exp(-turn * 8.0) + 2.0) * curve(count, (0, 0), (0.58, 1), (0.8, 0.8), (1, 0))
        parts.append((start * period, to_peak(stroke, level)))
    return together(frames(period), *parts)


def _jackhammer(request: EffectRequest, rng: Rng) -> Stream:
    """Drive a chisel into stone a dozen times a second: a thud, a clang, and dust."""
    beat, drift = Phase(), Wander(rng, 1.0)
    low = 873 * scale(1.25, 0.8, request.size)
    thud, clang = Filter("bandpass", 60, 400, order=1), Filter("bandpass", low, 2.18 * low, order=1)
    dust, tone = Filter("highpass", 3000, order=1), Phase()
    rate = scale(9.5, 18, request.speed)

    def stream(count: int) -> Signal:
        turn = (beat(rate * (1 + 0.02 * drift(count))) / (2 * np.pi)) % 1.0
        hit = np.exp(-turn * 3.84) * (1 - np.exp(-turn * 40))
        air = rng.standard_normal((2, count)) * 0.4 + rng.standard_normal(count)
        steel = 0.08 * np.sin(tone(np.full(count, low))) * hit
        blows = 0.41 * thud(air * (hit + 0.02)) + clang(air * (hit + 0.02)) + 0.17 * dust(air * (hit + 0.04))
        return np.asarray(blows + steel)

    return stream


def _scrape(request: EffectRequest, rng: Rng) -> Signal:
    """Rub once over wood."""
    count = frames(scale(0.62, 0.25, request.speed))
    pitch = scale(1.3, 0.75, request.size) * rng.choice([1.0, 1.15])
    air = noise(rng, count)
    rub = (
        bandpass(air, 620 * pitch, 3200 * pitch) + 0.2 * bandpass(air, 300, 800) + 0.12 * highpass(air, 4500)
    )
    return rub * curve(count, (0, 0), (0.58, 1), (0.8, 0.8), (1, 0))


EFFECTS = (
    endless_effect("drill", "tool", "A drill", motor_tool(95, 7, 0.9, 0.9, (350, 7000), 0.9, 2.2, 0.7)),
    endless_effect(
        "circular_saw", "tool", "A circular saw", motor_tool(330, 6, 0.6, 0.9, (500, 9000), 1.0, 2.6, 0.8)
    ),
    endless_effect("chainsaw", "tool", "A chain saw", _chainsaw),
    endless_effect("lawn_mower", "tool", "A lawn mower", steady_motor(28, 4, 0.71, 0.4, (78, 2000), 2.45)),
    endless_effect("jackhammer", "tool", "A jackhammer", _jackhammer, space="street"),
    event_effect(
        "hammer",
        "tool",
        "A hammer",
        _hammer,
        0.3,
        Pacing((0.85, 0.38), 0.08, (3, 6), (1.2, 0.5)),
        space="room",
    ),
    event_effect("saw", "tool", "A hand saw", _saw, 0.8, Pacing((1.15, 0.5), 0.03), space="room"),
    event_effect("sandpaper", "tool", "Sandpaper", _scrape, 0.4, Pacing((0.65, 0.26), 0.05)),
)
