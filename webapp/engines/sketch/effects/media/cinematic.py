"""Sounds that belong to no thing: whooshes, risers, impacts, drones, and plain noises."""

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
    edges,
    frames,
    glide,
    layers,
    lowpass,
    mix,
    noise,
    pulses,
    scale,
    sine,
    soft,
    to_peak,
    together,
    turns,
)
from webapp.engines.sketch.effects.synthesis.modal import ring
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, band, resonance, shape
from webapp.engines.sketch.effects.synthesis.streams import Filter, Phase, Wander


def _whoosh(request: EffectRequest, rng: Rng) -> Signal:
    """Something cuts the air from one side to the other."""
    length_s = scale(1.3, 0.45, request.speed) * rng.uniform(0.9, 1.1)
    count = frames(length_s)
    peak = rng.uniform(0.45, 0.6)
    centre = scale(2100, 520, request.size)

    def gains(share: Signal, hz: Signal) -> Signal:
        near = np.exp(-(((share - peak) / 0.2) ** 2))
        middle = centre * (0.45 + 1.25 * near) * np.where(share > peak, 0.85, 1.0)
        return np.asarray(
            near * (band(hz, middle * 0.5, middle * 1.7, 1.3) + 0.4 * resonance(hz, middle, middle * 0.25))
        )

    mid, side = shape(noise(rng, count), gains, 1024), shape(noise(rng, count), gains, 1024)
    direction = 1 if rng.uniform() < 0.5 else -1
    angle = (direction * np.linspace(-0.85, 0.85, count) + 1) * np.pi / 4
    return np.stack([(mid + 0.4 * side) * np.cos(angle), (mid - 0.4 * side) * np.sin(angle)])


def _riser(request: EffectRequest, rng: Rng) -> Stream:
    """Rise over the whole time there is: pitch, brightness and pulse together."""
    total = max(0.5, request.duration_s)
    phases = [Phase(rng.uniform()) for _ in range(5)]
    detune, beat = rng.uniform(0.992, 1.008, 5), Phase()
    start_hz, at = scale(330, 150, request.size), 0

    def air(moment: Signal, hz: Signal) -> Signal:
        share = np.clip(moment / total, 0, 1)
        middle = 300 * 26**share
        return np.asarray(
            (0.04 + share**1.6)
            * (band(hz, middle * 0.6, middle * 1.8, 1.0) + 0.6 * resonance(hz, middle, middle * 0.15))
        )

    rush = NoiseStream(rng, air, width=0.9)

    def stream(count: int) -> Signal:
        nonlocal at
        share = np.clip((at + np.arange(count)) / SAMPLE_RATE / total, 0, 1)
        at += count
        hz = start_hz * 10**share
        voices = [
            pulses(phase(hz * factor), 0.45 + 0.4 * share)
            for phase, factor in zip(phases, detune, strict=True)
        ]
        tones = np.stack([voices[0] + voices[1] + 0.6 * voices[2], voices[3] + voices[4] + 0.6 * voices[2]])
        throb = 1 - 0.35 * share * (0.5 + 0.5 * np.sin(beat(2.0 * 8**share)))
        return (0.22 * tones * (0.15 + 0.85 * share**1.5) + 0.5 * rush(count)) * throb

    return stream


def _impact(request: EffectRequest, rng: Rng) -> Signal:
    """A cinematic hit: a crack, a deep drop, and a long dark tail."""
    count = frames(scale(2.0, 4.0, request.size))
    low = scale(72, 36, request.size)
    drop = np.sin(turns(glide(count, (0, low * 3), (0.03, low * 1.4), (0.15, low), (1, low * 0.8)))) * decay(
        count, count / SAMPLE_RATE * 0.9
    )
    crack = bandpass(noise(rng, count), 300, 6500) * decay(count, 0.14)
    hz = scale(150, 80, request.size) * np.sort(rng.uniform(1, 22, 30))
    metal = ring(
        hz,
        2.4 * (hz / hz[0]) ** -0.5,
        rng.uniform(0.2, 1, 30) * (hz / hz[0]) ** -0.6,
        count,
        rng.uniform(0, 6.28, 30),
    )
    tail = lowpass(noise(rng, count), 420) * decay(count, count / SAMPLE_RATE * 0.8)
    hard = mix(0.3, 0.9, request.intensity)
    return soft(1.3 * (drop + hard * to_peak(crack) + 0.35 * to_peak(metal) + 0.35 * to_peak(tail))) * curve(
        count, (0, 1), (0.8, 1), (1, 0)
    )


def _sub_drop(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(3.2, 1.4, request.speed))
    hz = glide(count, (0, scale(130, 80, request.size) * rng.uniform(0.94, 1.06)), (1, 27))
    return edges(soft(1.5 * np.sin(turns(hz)) + 0.12 * sine(hz * 2, count)), 0.02, 0.5)


def _braam(request: EffectRequest, rng: Rng) -> Signal:
    """A wall of low brass-like tones that opens and closes."""
    count = frames(3.0)
    base = scale(74, 44, request.size)
    bright = curve(count, (0, 0.5), (0.08, 0.93), (0.5, 0.88), (1, 0.5))
    total = np.zeros(count)
    for ratio in (1.0, 1.004, 0.996, 1.5, 2.003, 2.997):
        total += pulses(turns(np.full(count, base * ratio), rng.uniform()), bright) / ratio**0.4
    return soft(1.2 * to_peak(total)) * curve(count, (0, 0), (0.05, 1), (0.5, 0.85), (1, 0))


def _drone(request: EffectRequest, rng: Rng) -> Stream:
    """Dark tones that beat against each other, and breathe."""
    base = scale(92, 40, request.size)
    ratios = np.array([1.0, 1.004, 1.5, 1.497, 2.0, 2.006, 3.01])
    phases, slow = (
        [Phase(rng.uniform()) for _ in ratios],
        [Wander(rng, scale(0.06, 0.35, request.speed)) for _ in ratios],
    )
    body = Filter("lowpass", scale(350, 1600, request.intensity), order=2)
    mist_move = Wander(rng, 0.2)

    def mist(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(band(hz, 120, 420, 1.0) * np.clip(0.6 + 0.3 * mist_move.at(moment), 0.1, 2))

    air = NoiseStream(rng, mist, width=1.0)

    def stream(count: int) -> Signal:
        total = np.zeros((2, count))
        for number, (phase, ratio) in enumerate(zip(phases, ratios, strict=True)):
            level = np.clip(0.6 + 0.35 * slow[number](count), 0.08, 1.4) / ratio**0.6
            tone = pulses(phase(np.full(count, base * ratio)), 0.78) * level
            total += tone * np.array([[1.0], [0.55]] if number % 2 else [[0.55], [1.0]])
        return body(total) + 0.12 * air(count)

    return stream


def _hum(request: EffectRequest, rng: Rng) -> Stream:
    """The bridge of a space ship: a deep hum of engines, far vents."""
    base, throb = scale(84, 42, request.size), Phase()
    phases = [Phase(rng.uniform()) for _ in range(4)]
    pace = scale(0.2, 1.4, request.speed)

    def vents(moment: Signal, hz: Signal) -> Signal:
        return np.asarray(
            band(hz, 60, 300, 1.0)
            + 0.08 * band(hz, 1200, 4000, 1.2)
            + 0.2 * resonance(hz, base * 9, 14)
            + 0 * moment
        )

    air = NoiseStream(rng, vents, width=0.8)

    def stream(count: int) -> Signal:
        beat = 0.8 + 0.2 * np.sin(throb(np.full(count, pace)))
        sides = [
            pulses(phase(np.full(count, base * ratio)), 0.62)
            for phase, ratio in zip(phases, (1.0, 1.006, 2.0, 1.994), strict=True)
        ]
        tones = np.stack([sides[0] + 0.5 * sides[2], sides[1] + 0.5 * sides[3]])
        return tones * beat + 0.3 * air(count)

    return stream


def _coloured(slope_db: float) -> StreamRenderer:
    """Make noise whose level falls by ``slope_db`` an octave."""

    def render(_request: EffectRequest, rng: Rng) -> Stream:
        def gains(moment: Signal, hz: Signal) -> Signal:
            fall = (np.maximum(hz, 20) / 1000) ** (-slope_db / 6.0206)
            return np.asarray(fall * (1 / (1 + (20 / np.maximum(hz, 1)) ** 4)) + 0 * moment)

        return NoiseStream(rng, gains, width=1.0)

    return render


def _glitch(request: EffectRequest, rng: Rng) -> Signal:
    parts: list[tuple[float, Signal]] = []
    at = 0.0
    for _ in range(int(rng.integers(3, 6) + 6 * request.density)):
        count = frames(rng.uniform(0.015, 0.09))
        kind = int(rng.integers(0, 3))
        hz = float(np.exp(rng.uniform(np.log(120), np.log(4000))))
        grain = (
            pulses(turns(np.full(count, hz)), 0.85),
            np.sign(sine(hz, count)),
            np.repeat(noise(rng, count // 9 + 1), 9)[:count],
        )[kind]
        parts.append((at, edges(to_peak(grain, rng.uniform(0.3, 1)), 0.001, 0.002)))
        at += count / SAMPLE_RATE + rng.choice([0.0, 0.0, 0.03, 0.07])
    return layers(together(frames(at + 0.02), *parts))


_SWISH = Pacing((2.2, 1.0), 0.2, width=0.0)
_SLOW = Pacing((4.5, 3.0), 0.1, width=0.0)

EFFECTS = (
    event_effect("whoosh", "cinematic", "A whoosh", _whoosh, 0.9, _SWISH),
    endless_effect("riser", "cinematic", "A riser", _riser),
    event_effect("impact", "cinematic", "A cinematic impact", _impact, 2.8, _SLOW, space="hall"),
    event_effect("sub_drop", "cinematic", "A sub drop", _sub_drop, 2.2, _SLOW),
    event_effect("braam", "cinematic", "A braam", _braam, 3.0, _SLOW, space="hall"),
    endless_effect("drone", "cinematic", "A dark drone", _drone),
    endless_effect("spaceship", "cinematic", "A space ship hums", _hum),
    event_effect("glitch", "cinematic", "A glitch", _glitch, 0.5, Pacing((1.3, 0.6), 0.3)),
    endless_effect("white_noise", "noise", "White noise", _coloured(0.0)),
    endless_effect("pink_noise", "noise", "Pink noise", _coloured(3.0103)),
    endless_effect("brown_noise", "noise", "Brown noise", _coloured(6.0206)),
)
