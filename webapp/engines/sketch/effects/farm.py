"""Animals of the farm."""

import numpy as np

from webapp.engines.sketch.effects.calls import Syllable, call
from webapp.engines.sketch.effects.dsp import (
    Rng,
    Signal,
    decay,
    frames,
    highpass,
    lowpass,
    noise,
    scale,
    to_peak,
    together,
)
from webapp.engines.sketch.effects.modal import ring
from webapp.engines.sketch.effects.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.vocal import Glottis

_ARCH = ((0.0, 0.0), (0.12, 1.0), (0.7, 0.85), (1.0, 0.0))
_CROW = (((900, 1250, 1100), 420), ((2300, 2700, 2400), 600), ((3900, 4100), 900))
_ROOSTER = (
    Syllable(0.17, ((0, 480), (0.4, 640), (1, 600)), _ARCH, _CROW, Glottis(0.85, 0.08, 0.012, 0.2), 0.05),
    Syllable(0.13, ((0, 640), (0.5, 740), (1, 680)), _ARCH, _CROW, Glottis(0.85, 0.08, 0.012, 0.2), 0.04),
    Syllable(0.34, ((0, 700), (0.3, 930), (1, 840)), _ARCH, _CROW, Glottis(0.86, 0.06, 0.01, 0.15), 0.05),
    Syllable(
        1.05,
        ((0, 720), (0.12, 960), (0.45, 900), (0.75, 740), (1, 430)),
        ((0, 0), (0.08, 1), (0.5, 0.95), (0.85, 0.55), (1, 0)),
        _CROW,
        Glottis(0.87, 0.07, 0.012, 0.22, 50),
    ),
)
_HEN = (((700, 1000, 800), 350), ((1900, 2100), 500), ((3300, 3300), 800))
_CLUCK = Syllable(
    0.075,
    ((0, 380), (0.4, 520), (1, 360)),
    ((0, 0), (0.15, 1), (1, 0)),
    _HEN,
    Glottis(0.85, 0.12, 0.02, 0.4),
    0.12,
)
_SQUAWK = Syllable(
    0.34, ((0, 420), (0.3, 640), (0.7, 700), (1, 480)), _ARCH, _HEN, Glottis(0.86, 0.1, 0.02, 0.35)
)
_MOO = Syllable(
    1.9,
    ((0, 118), (0.2, 148), (0.6, 165), (0.85, 150), (1, 112)),
    ((0, 0), (0.1, 0.45), (0.35, 1), (0.8, 0.85), (1, 0)),
    (
        ((270, 300, 520, 680, 640, 480), 110),
        ((750, 800, 1000, 1150, 1100, 900), 170),
        ((2300, 2400, 2400), 300),
        ((3300, 3300), 400),
    ),
    Glottis(0.93, 0.04, 0.012, 0.16, 30),
)
_NEIGH = (
    Syllable(
        0.5,
        ((0, 620), (0.4, 1100), (1, 1180)),
        ((0, 0), (0.2, 0.8), (1, 1)),
        (((1100, 1500), 500), ((2500, 2900), 700), ((4200, 4200), 900)),
        Glottis(0.78, 0.2, 0.015, 0.3, 80),
        -0.03,
        (13, 0.03),
    ),
    Syllable(
        1.25,
        ((0, 1150), (0.3, 950), (0.7, 640), (1, 330)),
        ((0, 0.9), (0.4, 1), (0.8, 0.5), (1, 0)),
        (((1400, 1000, 800), 450), ((2700, 2300, 1900), 650), ((4000, 3800), 900)),
        Glottis(0.82, 0.25, 0.02, 0.35, 70),
        0.02,
        (11, 0.07),
        (11, 0.75),
    ),
)
_BAA = Syllable(
    0.95,
    ((0, 270), (0.2, 330), (0.7, 310), (1, 260)),
    _ARCH,
    (
        ((500, 780, 800, 650), 190),
        ((1500, 1750, 1700), 280),
        ((2700, 2800), 420),
        ((3700, 3700), 500),
    ),
    Glottis(0.92, 0.06, 0.015, 0.15, 40),
    0,
    (7.5, 0.05),
    (7.5, 0.6),
)
_GOAT = Syllable(
    0.8,
    ((0, 380), (0.2, 470), (0.7, 440), (1, 340)),
    _ARCH,
    (((750, 1000, 900), 220), ((1900, 2150, 2000), 320), ((3000, 3100), 500)),
    Glottis(0.9, 0.07, 0.015, 0.2, 50),
    0,
    (11, 0.06),
    (11, 0.7),
)
_OINK_THROAT = (((420, 700, 520), 260), ((1250, 1500, 1300), 400), ((2600, 2700), 600))
_OINK = (
    Syllable(
        0.13, ((0, 90), (0.5, 130), (1, 105)), _ARCH, _OINK_THROAT, Glottis(0.93, 0.45, 0.05, 0.85, 60), 0.02
    ),
    Syllable(0.2, ((0, 130), (0.4, 230), (1, 150)), _ARCH, _OINK_THROAT, Glottis(0.93, 0.35, 0.04, 0.7, 60)),
)
_SQUEAL = Syllable(
    0.6,
    ((0, 800), (0.3, 1400), (0.8, 1250), (1, 700)),
    _ARCH,
    (((1300, 1700), 500), ((2800, 3200), 700), ((4600, 4600), 900)),
    Glottis(0.8, 0.15, 0.02, 0.4, 90),
)
_BRAY = (
    Syllable(
        0.5,
        ((0, 500), (0.5, 820), (1, 760)),
        _ARCH,
        (((900, 1200), 400), ((2300, 2500), 600)),
        Glottis(0.75, 0.4, 0.02, 0.4, 70),
        0.06,
    ),
    Syllable(
        0.62,
        ((0, 260), (0.4, 240), (1, 190)),
        _ARCH,
        (((600, 850, 700), 260), ((1300, 1500), 350), ((2600, 2600), 600)),
        Glottis(0.95, 0.1, 0.02, 0.5, 45),
        0.1,
    ),
)
_NASAL = (((850, 1150, 1050), 240), ((2000, 2300, 2100), 420), ((3200, 3300), 600))
_QUACK = Syllable(
    0.17,
    ((0, 250), (0.3, 290), (1, 210)),
    ((0, 0), (0.1, 1), (0.6, 0.7), (1, 0)),
    _NASAL,
    Glottis(0.95, 0.07, 0.015, 0.2, 60),
)
_HONK = Syllable(0.28, ((0, 360), (0.3, 520), (1, 400)), _ARCH, _NASAL, Glottis(0.9, 0.08, 0.02, 0.3, 60))
_GOBBLE = tuple(
    Syllable(
        0.065,
        ((0, 620 - 26 * step), (0.5, 760 - 30 * step), (1, 520 - 24 * step)),
        _ARCH,
        _HEN,
        Glottis(0.86, 0.08, 0.02, 0.2),
        0.012,
    )
    for step in range(11)
)


def _clop(request: EffectRequest, rng: Rng) -> Signal:
    """One hoof on the ground: a hollow knock, and the grit beneath it."""
    count = frames(0.18)
    ground = {"dirt": (300.0, 0.05, 1100.0), "stone": (900.0, 0.035, 7000.0), "wood": (240.0, 0.1, 2600.0)}
    lowest, t60, bright_hz = ground.get(request.material, ground["stone"])
    lowest *= scale(1.3, 0.75, request.size) * rng.choice([0.86, 1.0, 1.12, 0.94])
    hz = lowest * np.concatenate((rng.uniform(0.9, 1.25, 6), rng.uniform(1.3, 4.5, 14)))
    body = ring(hz, t60 * rng.uniform(0.6, 1.3, 20) * (hz / lowest) ** -0.5, rng.uniform(0.3, 1, 20), count, rng.uniform(0, 6.28, 20))
    shoe = lowpass(highpass(noise(rng, count), 400), bright_hz) * decay(count, 0.018)
    grit = lowpass(highpass(noise(rng, count), 700), bright_hz) * decay(count, 0.12)
    thud = lowpass(noise(rng, count), 170) * decay(count, 0.09)
    return to_peak(body * (1 - np.exp(-np.arange(count) / 30))) + 0.8 * to_peak(shoe) + 0.12 * to_peak(grit) + 0.5 * to_peak(thud)


_TROT = ((0.0, 1.0), (0.06, 0.55), (0.5, 0.9), (0.56, 0.55))
_GALLOP = ((0.0, 0.75), (0.2, 0.9), (0.38, 1.0))


def _trot(request: EffectRequest, rng: Rng) -> Signal:
    return _stride(request, rng, _TROT, scale(1.1, 0.62, request.speed))


def _gallop(request: EffectRequest, rng: Rng) -> Signal:
    return _stride(request, rng, _GALLOP, scale(0.6, 0.38, request.speed))


def _stride(
    request: EffectRequest, rng: Rng, pattern: tuple[tuple[float, float], ...], stride_s: float
) -> Signal:
    steps = [
        (
            max(0.0, share * stride_s + rng.uniform(-0.005, 0.005)),
            level * rng.uniform(0.8, 1.0) * _clop(request, rng),
        )
        for share, level in pattern
    ]
    return together(frames(stride_s + 0.17), *steps)


_SINGLE = Pacing((2.6, 1.6), 0.2, (1, 1), (1.5, 0.3))
_GROUND = ("stone", "dirt", "wood")

EFFECTS = (
    event_effect(
        "rooster", "animal", "A rooster crows", call(*_ROOSTER, span=1.3), 1.95, _SINGLE, space="outdoors"
    ),
    event_effect(
        "chicken",
        "animal",
        "Hens cluck",
        call(_CLUCK, _CLUCK, _CLUCK, _SQUAWK, span=1.3),
        1.0,
        Pacing((1.3, 0.8), 0.4),
    ),
    event_effect("cow", "animal", "A cow moos", call(_MOO, span=1.3), 2.0, _SINGLE, space="outdoors"),
    event_effect("horse_neigh", "animal", "A horse neighs", call(*_NEIGH, span=1.3), 1.9, _SINGLE),
    event_effect(
        "horse_hooves",
        "animal",
        "A horse trots",
        _trot,
        0.8,
        Pacing((1.1, 0.62), 0.02),
        materials=_GROUND,
        space="outdoors",
    ),
    event_effect(
        "horse_gallop",
        "animal",
        "A horse gallops",
        _gallop,
        0.6,
        Pacing((0.6, 0.38), 0.02),
        materials=_GROUND,
        space="outdoors",
    ),
    event_effect(
        "sheep",
        "animal",
        "A sheep bleats",
        call(_BAA, span=1.4),
        1.05,
        Pacing((1.3, 0.9), 0.2, (1, 2), (1.4, 0.4)),
    ),
    event_effect(
        "goat",
        "animal",
        "A goat bleats",
        call(_GOAT, span=1.4),
        0.9,
        Pacing((1.2, 0.9), 0.2, (1, 2), (1.4, 0.4)),
    ),
    event_effect(
        "pig",
        "animal",
        "A pig grunts",
        call(*_OINK, span=1.35),
        0.4,
        Pacing((0.7, 0.4), 0.3, (2, 4), (0.8, 0.2)),
    ),
    event_effect(
        "pig_squeal", "animal", "A pig squeals", call(_SQUEAL, span=1.35), 0.7, Pacing((0.9, 0.6), 0.2)
    ),
    event_effect(
        "donkey", "animal", "A donkey brays", call(*_BRAY, *_BRAY, span=1.3), 2.6, Pacing((3.0, 2.6), 0.05)
    ),
    event_effect(
        "duck",
        "animal",
        "A duck quacks",
        call(_QUACK, span=1.35),
        0.2,
        Pacing((0.34, 0.2), 0.15, (3, 5), (0.9, 0.3)),
    ),
    event_effect(
        "goose",
        "animal",
        "A goose honks",
        call(_HONK, span=1.35),
        0.32,
        Pacing((0.6, 0.36), 0.2, (2, 4), (0.9, 0.3)),
    ),
    event_effect(
        "turkey", "animal", "A turkey gobbles", call(*_GOBBLE, span=1.3), 0.95, Pacing((1.6, 1.0), 0.2)
    ),
)
