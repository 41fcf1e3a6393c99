"""Machines of the house."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    decay,
    frames,
    noise,
    pulses,
    scale,
    to_peak,
    together,
)
from webapp.engines.sketch.effects.synthesis.modal import strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance
from webapp.engines.sketch.effects.synthesis.streams import Filter, Phase, Wander
from webapp.engines.sketch.effects.things.tools import motor_tool


def _suction(hum_hz: float, top_hz: float, low_hz: float) -> StreamRenderer:
    """Run a fast fan in a tube: air that sings at the nozzle, and the whine of the motor."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        factor = scale(0.8, 1.25, request.speed) * scale(1.2, 0.83, request.size)
        phase, shake, whine = Phase(), Wander(rng, 5.0), Filter("bandpass", low_hz, 6000, order=1)
        nozzle = 1147 * factor

        def gains(moment: Signal, hz: Signal) -> Signal:
            rush = band(hz, low_hz, top_hz, 1.23) + 0.19 * resonance(hz, nozzle, 0.3 * nozzle)
            return np.asarray(rush + 1.71 * resonance(hz, 2.7 * nozzle, 0.5 * nozzle) + 0 * moment)

        air = NoiseStream(rng, gains, width=0.4)

        def stream(count: int) -> Signal:
            turn = phase(hum_hz * factor * (1 + 0.003 * shake(count)))
            tone = pulses(turn, 0.456) * (1 + 0.23 * np.sin(turn / 6.4))
            grit = 0.07 * rng.standard_normal(count) * (1 + np.sin(turn / 6.4))
            return air(count) + 0.7 * whine((tone + grit) * np.ones((2, 1)))

        return stream

    return render


def _blades(hum_hz: float, top_hz: float, hum: float) -> StreamRenderer:
    """Turn the blades of a fan: soft air that flutters, and the hum of motor and blades."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        factor = scale(0.7, 1.45, request.speed) * scale(1.3, 0.78, request.size)
        phase, drift, slow = Phase(), Wander(rng, 0.7), Phase()

        def gains(moment: Signal, hz: Signal) -> Signal:
            return np.asarray(band(hz, 45, top_hz * factor**0.5, 2.35) + 0 * moment)

        air = NoiseStream(rng, gains, width=0.6)

        def stream(count: int) -> Signal:
            hz = hum_hz * factor * (1 + 0.004 * drift(count))
            tone = pulses(phase(hz), 0.69)
            return air(count) / 0.3 * (1 + 0.065 * np.sin(slow(hz / 3.5))) + hum * tone

        return stream

    return render


def _sewing(request: EffectRequest, rng: Rng) -> Signal:
    """One stitch: the needle goes down, and comes up."""
    gap = 1 / scale(7, 18, request.speed)
    down = to_peak(strike(rng, "latch", size=0.4, hardness=0.55, duration_s=0.06))
    up = to_peak(strike(rng, "plastic", size=0.3, hardness=0.6, duration_s=0.05))
    thud = bandpass(noise(rng, frames(0.04)), 150, 900) * decay(frames(0.04), 0.03)
    return together(frames(gap + 0.08), (0.0, 0.5 * down), (0.0, to_peak(thud)), (gap * 0.5, 0.6 * up))


def _washing(request: EffectRequest, rng: Rng) -> Stream:
    drum, hum, mains = Phase(), Filter("bandpass", 90, 700, order=1), Phase()
    rate = scale(0.5, 3.5, request.speed)
    slosh = Wander(rng, 2.5)

    def water(moment: Signal, hz: Signal) -> Signal:
        swing = np.clip(np.sin(2 * np.pi * rate * moment), 0, 1)
        return np.asarray(
            swing * np.clip(0.8 + 0.4 * slosh.at(moment), 0, 2) * band(hz, 220, 1600, 0.9)
            + 0.5 * band(hz, 60, 220, 1.0)
        )

    wet = NoiseStream(rng, water, width=0.6)

    def stream(count: int) -> Signal:
        turn = np.sin(drum(np.full(count, rate)))
        motor = hum(rng.standard_normal((2, count)) * (1 + 0.5 * turn)) + 0.3 * np.sin(
            mains(np.full(count, 100.0))
        )
        return 0.6 * motor + 0.8 * wet(count)

    return stream


EFFECTS = (
    endless_effect(
        "vacuum",
        "appliance",
        "A vacuum cleaner",
        _suction(641, 3600, 560),
        space="room",
    ),
    endless_effect("hair_dryer", "appliance", "A hair dryer", _suction(480, 6500, 700)),
    endless_effect("fan", "appliance", "A fan", _blades(129, 2000, 2.0)),
    endless_effect(
        "blender",
        "appliance",
        "A blender",
        motor_tool(260, 4, 0.78, 0.9, (250, 7000), 0.9, 3.2, 0.8),
        space="room",
    ),
    endless_effect("washing_machine", "appliance", "A washing machine", _washing, space="room"),
    event_effect(
        "sewing_machine",
        "appliance",
        "A sewing machine",
        _sewing,
        0.12,
        Pacing((0.143, 0.055), 0.02, (18, 40), (0.7, 0.3), level_spread=0.2),
    ),
    endless_effect(
        "air_conditioner",
        "appliance",
        "An air conditioner",
        _blades(118, 2600, 1.3),
    ),
)
