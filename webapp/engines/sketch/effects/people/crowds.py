"""Many people at once: grains of single hands and voices, so many that they blur."""

from dataclasses import replace

import numpy as np

from webapp.engines.sketch.effects.effect import Stream
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    bandpass,
    burst,
    curve,
    frames,
    glide,
    highpass,
    noise,
    scale,
    swell,
    to_peak,
)
from webapp.engines.sketch.effects.synthesis.pacing import endless_effect
from webapp.engines.sketch.effects.synthesis.spectral import NoiseStream, resonance
from webapp.engines.sketch.effects.synthesis.streams import Grains, Wander, poisson_starts, pool_of, rows
from webapp.engines.sketch.effects.synthesis.vocal import Formant, Glottis, through_throat, voiced

# F1 and F2 of vowels of speech.
_VOWELS = ((730, 1190), (530, 1840), (390, 1990), (570, 840), (440, 1020), (660, 1720), (490, 1350))


def _clap(rng: Rng) -> Signal:
    """Two palms meet: soft skin, and a hollow whose size differs from hand to hand (Repp)."""
    air = burst(rng, 0.05, rng.uniform(0.02, 0.045))
    hollow = rng.uniform(700, 2000)
    return to_peak(
        bandpass(air, hollow * 0.6, hollow * 1.6, 2)
        + 0.06 * highpass(air, 3500)
        + 0.25 * bandpass(air, 300, 900)
    )


def _applause(request: EffectRequest, rng: Rng) -> Stream:
    pool = pool_of([_clap(rng) for _ in range(32)])
    grains = Grains()
    people = round(scale(8, 2500, request.density) * scale(0.7, 1.5, request.size))
    rate = scale(2.6, 5.2, request.speed)
    drift = Wander(rng, 0.5)

    def murmur(moment: Signal, hz: Signal) -> Signal:
        air = resonance(hz, 1300, 1500) + 0.5 * resonance(hz, 3500, 4000)
        return np.asarray(air * (1 + 0.1 * drift.at(moment)))

    wash = NoiseStream(rng, murmur)

    def stream(count: int) -> Signal:
        starts = poisson_starts(rng, count, people * rate)
        levels = np.exp(rng.normal(-0.9, 0.55, starts.size)) / np.sqrt(max(people, 8) / 8)
        grains.scatter(starts, rows(rng, pool, starts.size), levels, np.tanh(rng.normal(0, 0.6, starts.size)))
        return grains.take(count) + wash(count) * 0.03 * request.density

    return stream


def _utterance(rng: Rng, length_s: float, pitch: float, rise: float, glottis: Glottis) -> Signal:
    """A few vowels run together, as from the next table."""
    count = frames(length_s)
    woman = rng.uniform() < 0.5
    base = pitch * (rng.uniform(1.5, 2.1) if woman else rng.uniform(0.85, 1.2))
    throat = rng.uniform(1.08, 1.2) if woman else rng.uniform(0.94, 1.04)
    knots = [
        (share, base * rng.uniform(0.85, 1.15) * (1 + rise * np.sin(np.pi * share)))
        for share in np.linspace(0, 1, 6)
    ]
    syllables = max(2, round(length_s * rng.uniform(4, 6)))
    vowels = [_VOWELS[int(rng.integers(0, len(_VOWELS)))] for _ in range(syllables)]
    formants: list[Formant] = [
        ([v[0] * throat for v in vowels], 110),
        ([v[1] * throat for v in vowels], 150),
        ([2600 * throat], 260),
    ]
    level = np.abs(np.sin(np.linspace(0, np.pi * syllables, count) + rng.uniform(0, 0.5))) ** 0.6
    voice = voiced(rng, glide(count, *knots), glottis) + 0.12 * noise(rng, count)
    return to_peak(through_throat(voice, formants) * level * swell(count, 0.35))


def _babble(rng: Rng, request: EffectRequest, voices: float, wide: float) -> Stream:
    speech = Glottis(0.78, 0.2, 0.012)
    pool = [_utterance(rng, rng.uniform(0.5, 1.3), 118, 0.1, speech) for _ in range(4)]
    grains, at, due = Grains(), 0, rng.uniform(-1, 1, max(1, round(voices)))
    pans = rng.uniform(-wide, wide, due.size)
    loud = np.exp(rng.normal(-0.4, 0.5, due.size))
    made = 0

    def stream(count: int) -> Signal:
        nonlocal at, made
        end = (at + count) / SAMPLE_RATE
        if made < 24:
            pool.extend(_utterance(rng, rng.uniform(0.5, 1.5), 118, 0.1, speech) for _ in range(2))
            made += 2
        for who in np.flatnonzero(due < end):
            said = pool[int(rng.integers(0, len(pool)))]
            grains.add(
                max(0, round(due[who] * SAMPLE_RATE) - at), said * loud[who] * rng.uniform(0.5, 1), pans[who]
            )
            due[who] = (
                max(due[who], at / SAMPLE_RATE)
                + said.size / SAMPLE_RATE
                + rng.exponential(scale(1.2, 0.3, request.speed))
            )
        at += count
        return grains.take(count)

    return stream


def _crowd(request: EffectRequest, rng: Rng) -> Stream:
    voices = scale(5, 40, request.density) * scale(0.7, 1.4, request.size)
    babble = _babble(rng, request, voices, 0.9)
    drift = Wander(rng, 1.5)

    def rumble(moment: Signal, hz: Signal) -> Signal:
        voice = resonance(hz, 450, 500) + 0.25 * resonance(hz, 1400, 1400)
        return np.asarray(voice * (1 + 0.15 * drift.at(moment)))

    wash = NoiseStream(rng, rumble)

    def stream(count: int) -> Signal:
        return np.asarray(babble(count) / np.sqrt(voices) + 0.05 * request.density * wash(count))

    return stream


def _shout(rng: Rng, request: EffectRequest) -> Signal:
    """Somebody shouts: yeah, woo, or a long aah."""
    count = frames(rng.uniform(0.5, 1.1))
    woman = rng.uniform() < 0.45
    base = rng.uniform(330, 520) if woman else rng.uniform(210, 330)
    hz = glide(count, (0, base * 0.8), (0.25, base * rng.uniform(1.1, 1.35)), (0.7, base), (1, base * 0.85))
    kind = int(rng.integers(0, 3))
    throat = 1.15 if woman else 1.0
    first = ((700, 850, 800), (380, 420, 400), (500, 750, 550))[kind]
    second = ((1250, 1350, 1300), (850, 900, 850), (2000, 1500, 1900))[kind]
    formants: list[Formant] = [
        ([f * throat for f in first], 150),
        ([f * throat for f in second], 200),
        ([2700 * throat], 350),
        ([3700 * throat], 500),
    ]
    voice = voiced(rng, hz, Glottis(0.8 + 0.1 * request.intensity, 0.3, 0.04, 0.4, 90))
    return to_peak(through_throat(voice, formants) * curve(count, (0, 0), (0.12, 1), (0.6, 0.9), (1, 0)))


def _cheering(request: EffectRequest, rng: Rng) -> Stream:
    pool = [_shout(rng, request) for _ in range(4)]
    grains, made = Grains(), 0
    per_s = scale(8, 80, request.density)
    applause = _applause(replace(request, density=0.6 * request.density), rng)
    drift = Wander(rng, 0.7)

    def roar(moment: Signal, hz: Signal) -> Signal:
        voice = resonance(hz, 850, 700) + 0.5 * resonance(hz, 1500, 900) + 0.25 * resonance(hz, 2800, 1800)
        return np.asarray(voice * (1 + 0.2 * drift.at(moment)))

    wash = NoiseStream(rng, roar)

    def stream(count: int) -> Signal:
        nonlocal made
        if made < 20:
            pool.extend(_shout(rng, request) for _ in range(2))
            made += 2
        for start in poisson_starts(rng, count, per_s):
            sound = pool[int(rng.integers(0, len(pool)))]
            grains.add(int(start), sound * np.exp(rng.normal(-1.0, 0.6)), float(np.tanh(rng.normal(0, 0.7))))
        shouts = grains.take(count) / np.sqrt(per_s)
        return np.asarray(shouts + 0.4 * applause(count) + 0.12 * wash(count))

    return stream


EFFECTS = (
    endless_effect("applause", "crowd", "Applause", _applause, space="hall"),
    endless_effect("cheering", "crowd", "A crowd cheers", _cheering, space="outdoors"),
    endless_effect("crowd", "crowd", "A crowd murmurs", _crowd, space="room"),
)
