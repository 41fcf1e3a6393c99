"""Wild animals."""

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    curve,
    frames,
    highpass,
    noise,
    scale,
    to_rms,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.vocal import Glottis

_ARCH = ((0.0, 0.0), (0.12, 1.0), (0.7, 0.85), (1.0, 0.0))
_WOLF = Syllable(
    4.5,
    ((0, 179), (0.1, 388), (0.22, 495), (0.55, 479), (0.8, 418), (1, 214)),
    ((0, 0.0), (0.12, 0.7), (0.35, 1.0), (0.7, 0.9), (1, 0.0)),
    (((537, 716, 739, 616), 82.8), ((1190, 1370, 1370, 1130), 110), ((3020, 3020), 152)),
    Glottis(0.51, 0.59, 0.0025, 0.46, 75),
    vibrato=(3.2, 0.012),
)
_ROAR = Syllable(
    3.3,
    ((0, 69.4), (0.25, 147), (0.6, 122), (1, 51.9)),
    ((0, 0.0), (0.15, 0.7), (0.35, 1.0), (0.65, 0.8), (1, 0.0)),
    (((433, 605, 544, 403), 53.9), ((1090, 1410, 1260, 1010), 53.1), ((2720, 2920, 2620), 62.9)),
    Glottis(0.45, 0.51, 0.096, 0.5, 34.9),
    tremor=(24, 0.62),
)
_BEAR = Syllable(
    1.4,
    ((0, 67.7), (0.3, 102), (1, 55)),
    ((0, 0.0), (0.2, 1.0), (0.6, 0.8), (1, 0.0)),
    (((287, 458, 343), 178), ((764, 956, 812), 94.3), ((1920, 1920), 66.2)),
    Glottis(0.92, 0.68, 0.05, 0.77, 49.5),
)
_TRUMPET = Syllable(
    1.2,
    ((0, 262), (0.15, 459), (0.6, 531), (1, 369)),
    ((0, 0.0), (0.08, 1.0), (0.7, 0.9), (1, 0.0)),
    (((978, 1410, 1300), 355), ((2070, 2720, 2500), 494), ((3910, 4240), 632), ((6090, 6090), 840)),
    Glottis(0.94, 0.048, 0.019, 0.78, 58.4),
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
        1.8,
        ((0, 144), (0.4, 230), (0.8, 341), (1, 319)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((435, 746), 205), ((1370, 1740), 382)),
        Glottis(0.2, 0, 0.013, 0.6, 108),
        wait_s=-0.083,
    ),
    Syllable(
        1.3,
        ((0, 448), (0.5, 296), (1, 188)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((746, 498), 205), ((1870, 1490), 383)),
        Glottis(0.25, 0, 0.013, 0.6, 108),
        vibrato=(5.0, 0.076),
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
    return np.asarray(dry * grain * curve(count, (0, 0), (0.1, 1), (0.8, 0.9), (1, 0)))


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
