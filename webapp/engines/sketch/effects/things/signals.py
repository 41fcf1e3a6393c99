"""Telephones, alarms, sirens and horns: sounds that are made to be noticed."""

from collections.abc import Callable

import numpy as np

from webapp.engines.sketch.effects.effect import Stream, StreamRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
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
    together,
    turns,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.streams import Filter, Phase, Wander
from webapp.engines.sketch.effects.things.bells import bell

_BELL = ((1.0, 1.0, 1.0), (1.52, 0.5, 0.8), (2.4, 0.6, 0.6), (3.6, 0.4, 0.4), (5.0, 0.3, 0.3))


def _old_phone(request: EffectRequest, rng: Rng) -> Signal:
    """Two gongs and a clapper between them, driven twenty times a second."""
    hz = scale(1500, 950, request.size)
    gap = 1 / scale(17, 27, request.speed)
    gongs = [bell(rng, _BELL, hz * side, 0.55, 0.75, frames(0.6)) for side in (1.0, 1.21)]
    clack = strike(rng, "plastic", size=0.4, hardness=0.7, duration_s=0.05)
    strokes = int(1.9 / gap)
    parts = [(number * gap, gongs[number % 2] * rng.uniform(0.85, 1)) for number in range(strokes)]
    parts += [(number * gap, 0.12 * clack) for number in range(strokes)]
    return together(frames(2.5), *parts)


_TUNE = ((988, 1), (1319, 1), (1661, 1), (1319, 1), (988, 1), (1319, 1), (1661, 2))


def _mobile(request: EffectRequest, rng: Rng) -> Signal:
    """A little tune of a small loudspeaker, in thin electronic notes."""
    beat = scale(0.16, 0.085, request.speed)
    key = scale(1.25, 0.8, request.size) * float(2 ** (rng.integers(-3, 4) / 12))
    order = rng.permutation(len(_TUNE) - 1)
    parts: list[tuple[float, Signal]] = []
    at = 0.0
    for index in (*order, len(_TUNE) - 1, *order, len(_TUNE) - 1):
        hz, length = _TUNE[int(index)]
        count = frames(beat * length * 0.92)
        phase = 2 * np.pi * hz * key * np.arange(count) / 44_100
        note = np.sin(phase) + 0.3 * np.sin(3 * phase) + 0.15 * np.sin(5 * phase)
        parts.append((at, edges(note, 0.004, 0.02)))
        at += beat * length
    return together(frames(at), *parts)


def _buzzing_phone(request: EffectRequest, rng: Rng) -> Signal:
    """The motor of a phone on a table."""
    count = frames(0.9)
    hz = 160 * scale(0.85, 1.2, request.speed) * curve(count, (0, 0.7), (0.06, 1), (0.95, 1), (1, 0.8))
    phase = turns(hz)
    buzz = pulses(phase, 0.75) + 0.25 * noise(rng, count) * (np.sin(phase) > 0.5)
    return edges(bandpass(buzz, 120, 1800), 0.02, 0.04)


def steady(*hz: float) -> Callable[[Signal], Signal]:
    """Make a mix of fixed tones, as a function of time in seconds."""

    def tone(moment: Signal) -> Signal:
        return np.asarray(np.sum([np.sin(2 * np.pi * each * moment) for each in hz], axis=0))

    return tone


def _cadence(
    tone: Callable[[Signal], Signal], on_s: float, period_s: float, number: int = 1, gap_s: float = 0.0
) -> StreamRenderer:
    """Key tones on and off: ``number`` bursts, then silence until the period is over."""

    def render(request: EffectRequest, rng: Rng) -> Stream:
        pace = scale(1.6, 0.62, request.speed)
        at = 0
        warm = Filter("lowpass", 3600, order=1)
        hum = Wander(rng, 12)

        def stream(count: int) -> Signal:
            nonlocal at
            moment = (at + np.arange(count)) / 44_100
            at += count
            gate = np.zeros(count)
            for burst in range(number):
                since = (moment / pace) % period_s - burst * (on_s + gap_s)
                gate += np.clip(np.minimum(since, on_s - since) * pace / 0.004, 0, 1)
            gate = np.ones(count) if period_s <= on_s else gate
            return warm((tone(moment) * gate + 0.002 * hum(count)) * np.ones((2, 1)))

        return stream

    return render


def _beep_of(hz: float, brightness: float) -> Callable[[Signal], Signal]:
    def tone(moment: Signal) -> Signal:
        return pulses(2 * np.pi * hz * moment, brightness)

    return tone


def _siren(kind: str) -> StreamRenderer:
    """Make a siren: a bright horn whose pitch is swept, or stepped, at the kind's own pace."""
    low, high, period = {
        "wail": (560.0, 1450.0, 4.6),
        "yelp": (650.0, 1500.0, 0.34),
        "two_tone": (440.0, 585.0, 1.3),
        "air_raid": (190.0, 460.0, 7.0),
        "fire": (420.0, 800.0, 3.4),
        "car_alarm": (700.0, 1700.0, 0.5),
    }[kind]

    def render(request: EffectRequest, rng: Rng) -> Stream:
        pace = period * scale(1.6, 0.62, request.speed)
        factor = scale(1.2, 0.84, request.size)
        phase, at, start = Phase(), 0, rng.uniform(0, 0.2)
        horn = Filter("bandpass", 350 if kind != "air_raid" else 150, 3400, order=1)
        shake = Wander(rng, 6)

        def stream(count: int) -> Signal:
            nonlocal at
            share = ((at + np.arange(count)) / 44_100 / pace + start) % 1.0
            at += count
            if kind == "two_tone":
                sweep = np.clip(np.sin(2 * np.pi * share) * 60, -1, 1) * 0.5 + 0.5
            elif kind == "car_alarm":
                sweep = share
            elif kind == "air_raid":
                sweep = np.where(
                    share < 0.5,
                    1 - np.exp(-share * 8),
                    (1 - np.exp(-4.0)) * np.exp(-np.maximum(share - 0.5, 0) * 5),
                )
            else:
                sweep = 0.5 - 0.5 * np.cos(2 * np.pi * share)
            hz = low * (high / low) ** sweep * factor * (1 + 0.0015 * shake(count))
            return horn(pulses(phase(hz), 0.72) * np.ones((2, 1)))

        return stream

    return render


def _horn(
    tones: tuple[float, ...], length_s: float, brightness: float, *, air: float = 0.04, scoop: float = 0.97
) -> Callable[[EffectRequest, Rng], Signal]:
    """Make a horn of several reeds or diaphragms, slightly out of tune with each other."""

    def event(request: EffectRequest, rng: Rng) -> Signal:
        count = frames(length_s * scale(1.5, 0.6, request.speed))
        total = np.zeros(count)
        bend = curve(count, (0, scoop), (0.08, 1), (0.94, 1), (1, scoop))
        for hz in tones:
            pitch = (
                hz
                * scale(1.3, 0.75, request.size)
                * bend
                * rng.uniform(0.997, 1.003)
                * (1 + 0.0015 * wander(rng, count, 20))
            )
            total += pulses(turns(pitch, rng.uniform()), brightness)
        rush = lowpass(noise(rng, count), 4000) * air * len(tones)
        return edges(bandpass(total + rush, 90, 5200), 0.025, 0.07)

    return event


EFFECTS = (
    event_effect(
        "telephone",
        "signal",
        "An old telephone rings",
        _old_phone,
        2.4,
        Pacing((4.6, 3.0), 0.0),
        space="room",
    ),
    event_effect("mobile_phone", "signal", "A mobile phone rings", _mobile, 2.0, Pacing((3.2, 2.0), 0.0)),
    event_effect(
        "phone_vibration",
        "signal",
        "A phone vibrates",
        _buzzing_phone,
        0.9,
        Pacing((1.8, 1.2), 0.0),
        space="room",
    ),
    endless_effect("dial_tone", "signal", "A dial tone", _cadence(steady(350, 440), 1, 1)),
    endless_effect("busy_tone", "signal", "A busy tone", _cadence(steady(480, 620), 0.5, 1.0)),
    endless_effect("ringback_tone", "signal", "A line that rings", _cadence(steady(440, 480), 2.0, 4.0)),
    endless_effect("alarm", "signal", "An alarm", _cadence(_beep_of(880, 0.62), 0.35, 0.6)),
    endless_effect("smoke_alarm", "signal", "A smoke alarm", _cadence(_beep_of(3100, 0.3), 0.5, 4.0, 3, 0.5)),
    endless_effect(
        "digital_alarm",
        "signal",
        "A digital alarm clock",
        _cadence(_beep_of(2050, 0.55), 0.065, 1.0, 4, 0.065),
    ),
    endless_effect(
        "truck_reverse",
        "signal",
        "A truck backs up",
        _cadence(_beep_of(1250, 0.45), 0.5, 1.0),
        space="outdoors",
    ),
    endless_effect("siren", "signal", "A police siren", _siren("wail"), space="street"),
    endless_effect("police_yelp", "signal", "A police siren, fast", _siren("yelp"), space="street"),
    endless_effect("ambulance", "signal", "An ambulance", _siren("two_tone"), space="street"),
    endless_effect("fire_engine", "signal", "A fire engine", _siren("fire"), space="street"),
    endless_effect("air_raid_siren", "signal", "An air-raid siren", _siren("air_raid"), space="valley"),
    endless_effect("car_alarm", "signal", "A car alarm", _siren("car_alarm"), space="street"),
    event_effect(
        "car_horn",
        "horn",
        "A car horn",
        _horn((405, 508), 0.55, 0.86),
        0.6,
        Pacing((1.6, 0.7), 0.3, (1, 3), (1.2, 0.3)),
        space="street",
    ),
    event_effect(
        "truck_horn",
        "horn",
        "A truck horn",
        _horn((185, 232, 278), 1.3, 0.9),
        1.4,
        Pacing((2.6, 1.6), 0.2),
        space="street",
    ),
    event_effect(
        "air_horn",
        "horn",
        "An air horn",
        _horn((478, 560, 705), 1.2, 0.9, air=0.1),
        1.3,
        Pacing((2.4, 1.4), 0.2),
        space="outdoors",
    ),
    event_effect(
        "train_horn",
        "horn",
        "A train horn",
        _horn((311, 370, 466, 554, 622), 2.2, 0.86, air=0.08),
        2.4,
        Pacing((3.6, 2.4), 0.2),
        space="valley",
    ),
    event_effect(
        "ship_horn",
        "horn",
        "A ship's horn",
        _horn((110, 165), 3.4, 0.72, scoop=0.99),
        3.6,
        Pacing((5.5, 4.0), 0.1),
        space="valley",
    ),
    event_effect(
        "steam_whistle",
        "horn",
        "A steam whistle",
        _horn((392, 494, 587, 740), 2.2, 0.4, air=0.5, scoop=0.86),
        2.4,
        Pacing((3.6, 2.4), 0.2),
        space="valley",
    ),
)
