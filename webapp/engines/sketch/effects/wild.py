"""Wild animals."""

import numpy as np

from webapp.engines.sketch.effects.calls import Syllable, call
from webapp.engines.sketch.effects.dsp import Rng, Signal, curve, frames, highpass, noise, scale, to_rms
from webapp.engines.sketch.effects.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.vocal import Glottis

_ARCH = ((0.0, 0.0), (0.12, 1.0), (0.7, 0.85), (1.0, 0.0))
_WOLF = Syllable(
    4.2,
    ((0, 220), (0.1, 380), (0.22, 450), (0.55, 440), (0.8, 400), (1, 250)),
    ((0, 0), (0.12, 0.7), (0.35, 1), (0.7, 0.9), (1, 0)),
    (((400, 500, 520, 430), 140), ((850, 1000, 1000, 850), 220), ((2300, 2300), 400)),
    Glottis(0.6, 0.03, 0.006),
    vibrato=(3.2, 0.012),
)
_ROAR = Syllable(
    2.4,
    ((0, 95), (0.25, 175), (0.6, 150), (1, 75)),
    ((0, 0), (0.15, 0.7), (0.35, 1), (0.65, 0.8), (1, 0)),
    (((350, 620, 560, 360), 240), ((850, 1250, 1150, 850), 380), ((2300, 2500, 2300), 700)),
    Glottis(0.95, 0.28, 0.05, 0.8, 45),
    tremor=(22, 0.35),
)
_BEAR = Syllable(
    1.6,
    ((0, 80), (0.3, 120), (1, 65)),
    ((0, 0), (0.2, 1), (0.6, 0.8), (1, 0)),
    (((300, 480, 360), 220), ((800, 1000, 850), 320), ((2000, 2000), 600)),
    Glottis(0.94, 0.25, 0.05, 0.85, 38),
)
_TRUMPET = Syllable(
    1.3,
    ((0, 300), (0.15, 520), (0.6, 600), (1, 420)),
    ((0, 0), (0.08, 1), (0.7, 0.9), (1, 0)),
    (
        ((900, 1300, 1200), 500),
        ((1900, 2500, 2300), 700),
        ((3600, 3900), 900),
        ((5600, 5600), 1200),
    ),
    Glottis(0.93, 0.12, 0.02, 0.45, 55),
)
_HOOT = tuple(
    Syllable(
        0.16,
        ((0, 300 * step), (0.5, 430 * step), (1, 340 * step)),
        _ARCH,
        (((500 * step, 700 * step), 250), ((1300, 1500), 400)),
        Glottis(0.6, 0.12, 0.015),
        0.09,
    )
    for step in (1.0, 1.05, 1.12, 1.2, 1.3)
)
_SCREECH = tuple(
    Syllable(
        0.2,
        ((0, 800), (0.4, 1300), (1, 950)),
        _ARCH,
        (((1200, 1700), 500), ((2800, 3000), 700)),
        Glottis(0.8, 0.15, 0.02, 0.4, 80),
        0.05,
    )
    for _ in range(3)
)
_SQUEAK = Syllable(
    0.06, ((0, 3800), (0.4, 5200), (1, 4300)), _ARCH, (((4500, 5200), 3000),), Glottis(0.3, 0.06, 0.01)
)
_WHALE = (
    Syllable(
        2.2,
        ((0, 180), (0.4, 320), (0.8, 520), (1, 480)),
        _ARCH,
        (((350, 600), 250), ((1100, 1400), 400)),
        Glottis(0.6, 0.02, 0.006),
        -0.1,
    ),
    Syllable(
        1.6,
        ((0, 700), (0.5, 420), (1, 240)),
        _ARCH,
        (((600, 400), 250), ((1500, 1200), 400)),
        Glottis(0.65, 0.02, 0.006),
        vibrato=(5, 0.03),
    ),
)


def _snake_hiss(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(_hiss_s(request))
    return highpass(noise(rng, count), scale(4200, 2600, request.size)) * curve(
        count, (0, 0), (0.2, 0.8), (0.5, 1), (0.8, 0.6), (1, 0)
    )


def _hiss_s(request: EffectRequest) -> float:
    return scale(2.4, 1.0, request.speed)


def _rattle(request: EffectRequest, rng: Rng) -> Signal:
    """Dry rings of a tail that hit each other some 50 times a second."""
    count = frames(1.8)
    hz = scale(38, 70, request.speed) * curve(count, (0, 0.8), (0.2, 1), (0.8, 1), (1, 0.85))
    turn = np.cumsum(hz) / 44_100 % 1.0
    grain = np.exp(-turn * 5) * (1 - np.exp(-turn * 80))
    dry = highpass(noise(rng, count), 3500) + 0.5 * to_rms(highpass(noise(rng, count), 7000))
    return dry * grain * curve(count, (0, 0), (0.1, 1), (0.8, 0.9), (1, 0))


_ROARS = Pacing((3.2, 2.2), 0.15, (1, 1), (1.0, 0.2))

EFFECTS = (
    event_effect(
        "wolf", "animal", "A wolf howls", call(_WOLF, span=1.3), 4.3, Pacing((4.6, 3.2), 0.1), space="forest"
    ),
    event_effect("lion", "animal", "A lion roars", call(_ROAR, span=1.3), 2.5, _ROARS),
    event_effect("bear", "animal", "A bear growls", call(_BEAR, span=1.3), 1.7, _ROARS),
    event_effect(
        "elephant", "animal", "An elephant trumpets", call(_TRUMPET, span=1.3), 1.4, _ROARS, space="outdoors"
    ),
    event_effect(
        "monkey",
        "animal",
        "A monkey calls",
        call(*_HOOT, *_SCREECH),
        2.1,
        Pacing((2.6, 2.0), 0.2),
        space="forest",
    ),
    event_effect(
        "mouse", "animal", "A mouse squeaks", call(_SQUEAK), 0.07, Pacing((0.2, 0.1), 0.4, (2, 5), (0.9, 0.3))
    ),
    event_effect(
        "whale", "animal", "A whale sings", call(*_WHALE), 3.8, Pacing((4.4, 3.4), 0.1), space="hall"
    ),
    event_effect("snake", "animal", "A snake hisses", _snake_hiss, 1.6, Pacing((2.6, 1.4), 0.2)),
    event_effect("rattlesnake", "animal", "A rattlesnake rattles", _rattle, 1.8, Pacing((2.4, 1.9), 0.1)),
)
