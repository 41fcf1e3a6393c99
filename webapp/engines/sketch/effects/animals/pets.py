"""Dogs and cats."""

import numpy as np

from webapp.engines.sketch.effects.effect import Stream
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.dsp import (
    SAMPLE_RATE,
    Rng,
    Signal,
    curve,
    edges,
    frames,
    mix,
    noise,
    pulses,
    scale,
    to_peak,
    wander,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.synthesis.spectral import resonance, shape
from webapp.engines.sketch.effects.synthesis.streams import Grains
from webapp.engines.sketch.effects.synthesis.vocal import Formant, Glottis, through_throat

_BARK = Syllable(
    0.2,
    ((0, 330), (0.2, 620), (0.45, 560), (1, 300)),
    ((0, 0), (0.07, 1), (0.4, 0.8), (0.7, 0.25), (1, 0)),
    (((500, 950, 900, 600), 260), ((1300, 1750, 1700, 1300), 380), ((2800, 3100, 2900), 600)),
    Glottis(0.86, 0.16, 0.03, 0.45, 70),
)
_YIP = Syllable(
    0.13,
    ((0, 765), (0.25, 1330), (0.6, 1160), (1, 708)),
    ((0, 0.0), (0.1, 1.0), (0.5, 0.7), (1, 0.0)),
    (((886, 1380, 985), 221), ((2170, 2660, 2260), 275), ((4130, 4130), 424)),
    Glottis(0.8, 0, 0.013, 0.45, 65.6),
)
_HOWL = Syllable(
    4.2,
    ((0, 212), (0.14, 467), (0.3, 606), (0.7, 570), (0.9, 389), (1, 249)),
    ((0, 0.0), (0.12, 0.7), (0.35, 1.0), (0.75, 0.85), (1, 0.0)),
    (((591, 789, 815, 683), 71.9), ((1310, 1510, 1510, 1250), 111), ((3290, 3290), 193)),
    Glottis(0.56, 0.22, 0.0024, 0.6, 102),
    vibrato=(4.5, 0.031),
)
_GROWL = Syllable(
    1.9,
    ((0, 93.6), (0.4, 115), (0.8, 104), (1, 83)),
    ((0, 0.0), (0.15, 0.8), (0.5, 1.0), (0.85, 0.7), (1, 0.0)),
    (((537, 679, 608), 112), ((1340, 1630, 1410), 125), ((3250, 3530, 3250), 167)),
    Glottis(0.57, 0.25, 0.062, 0.82, 44.9),
    tremor=(26, 0.57),
)
_WHINE = Syllable(
    0.83,
    ((0, 687), (0.3, 1060), (0.6, 972), (1, 654)),
    ((0, 0.0), (0.2, 0.8), (0.6, 1.0), (1, 0.0)),
    (((1020, 1390, 1020), 463), ((2410, 2690), 763)),
    Glottis(0.28, 0.081, 0.017, 0.16, 54.5),
    vibrato=(7.0, 0.037),
)
_MEOW = Syllable(
    0.81,
    ((0, 545), (0.15, 653), (0.45, 711), (0.8, 608), (1, 504)),
    ((0, 0.0), (0.1, 0.35), (0.3, 0.95), (0.6, 1.0), (0.85, 0.5), (1, 0.0)),
    (
        ((539, 993, 1630, 1700, 1210, 851), 153),
        ((3260, 3260, 2980, 2550, 1840, 1490), 320),
        ((4970, 5250, 4970, 4680), 647),
        ((7380, 7380), 1130),
    ),
    Glottis(0.74, 0.56, 0.016, 0.028, 43.7),
)


def _hiss(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(mix(0.9, 0.6, request.speed) * rng.uniform(0.85, 1.15))
    throat = scale(1.25, 0.8, request.size)
    spit = noise(rng, count) * (1 + 0.25 * wander(rng, count, 40))

    def envelope(share: Signal, hz: Signal) -> Signal:
        open_ = np.interp(share, [0, 0.1, 0.7, 1], [0.8, 1.0, 1.05, 0.9]) * throat
        total = resonance(hz, 3100 * open_, 1800) + 0.6 * resonance(hz, 6200 * open_, 3200)
        return np.asarray(total + 0.3 * resonance(hz, 1500 * open_, 700))

    return np.asarray(shape(spit, envelope) * curve(count, (0, 0), (0.05, 1), (0.5, 0.8), (1, 0)))


def _purr(request: EffectRequest, rng: Rng) -> Stream:
    """Breathe in and out without a pause, while the folds open some thirty times a second."""
    grains, at, due, inward = Grains(), 0, 0, True
    rate = scale(33, 25, request.size)
    pace = scale(1.3, 0.7, request.speed)

    def breath(drawn: bool) -> Signal:
        count = frames(pace * (0.92 if drawn else 0.66) * rng.uniform(0.95, 1.05))
        hz = rate * (1.05 if drawn else 1.0) * (1 + 0.015 * wander(rng, count, 9))
        turn = np.cumsum(hz) / SAMPLE_RATE
        puff = (
            np.exp(-(turn % 1.0) * 9.0)
            * (1 - np.exp(-(turn % 1.0) * 40))
            * (1 + 0.3 * wander(rng, count, 30))
        )
        source = noise(rng, count) * (puff + 0.08) + 0.16 * pulses(2 * np.pi * turn, 0.75)
        throat = (1.22 if drawn else 1.0) * scale(1.15, 0.87, request.size)
        formants: tuple[Formant, ...] = (((270 * throat,), 146), ((1060 * throat,), 220), ((2855,), 365))
        shaped = through_throat(source, formants) * curve(count, (0, 0.15), (0.15, 1), (0.85, 0.9), (1, 0.15))
        return to_peak(edges(shaped, 0.02, 0.02), 0.78 if drawn else 1.0)

    def stream(count: int) -> Signal:
        nonlocal at, due, inward
        while due < at + count:
            sound = breath(inward)
            grains.add(due - at, sound, 0.05)
            due, inward = due + round(0.97 * sound.size), not inward
        at += count
        air = rng.standard_normal((2, count)) * 0.0015
        return grains.take(count) + air

    return stream


_DOGS = Pacing((0.42, 0.26), 0.25, (1, 3), (1.6, 0.5))
_CALM = Pacing((1.6, 0.8), 0.2, (1, 1), (1.2, 0.3))
_LONG = Pacing((3.2, 2.2), 0.1, (1, 1), (1.2, 0.4))

EFFECTS = (
    event_effect("dog_bark", "animal", "A dog barks", call(_BARK), 0.25, _DOGS, space="outdoors"),
    event_effect(
        "puppy", "animal", "A puppy yips", call(_YIP), 0.15, Pacing((0.3, 0.19), 0.3, (2, 4), (0.9, 0.4))
    ),
    event_effect("dog_howl", "animal", "A dog howls", call(_HOWL), 2.9, _LONG, space="outdoors"),
    event_effect(
        "dog_growl", "animal", "A dog growls", call(_GROWL, span=1.35), 1.8, Pacing((2.2, 1.7), 0.1)
    ),
    event_effect("dog_whine", "animal", "A dog whines", call(_WHINE), 0.8, _CALM),
    event_effect("cat_meow", "animal", "A cat meows", call(_MEOW, span=1.35), 0.95, _CALM),
    endless_effect("cat_purr", "animal", "A cat purrs", _purr),
    event_effect("cat_hiss", "animal", "A cat hisses", _hiss, 0.95, Pacing((1.6, 1.0), 0.2)),
)
