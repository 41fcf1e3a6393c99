"""Birds."""

import numpy as np

from webapp.engines.sketch.effects.calls import Syllable, call
from webapp.engines.sketch.effects.dsp import (
    Rng,
    Signal,
    curve,
    edges,
    frames,
    glide,
    scale,
    sine,
    swell,
    together,
)
from webapp.engines.sketch.effects.modal import strike
from webapp.engines.sketch.effects.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.vocal import Glottis

_ARCH = ((0.0, 0.0), (0.12, 1.0), (0.7, 0.85), (1.0, 0.0))
_SOFT = ((0.0, 0.0), (0.3, 1.0), (0.7, 0.9), (1.0, 0.0))
_HOLLOW = (((420, 450, 420), 260), ((900, 900), 250))
_HOO = Glottis(0.22, 0.04, 0.006)
_OWL = (
    Syllable(0.28, ((0, 345), (0.5, 385), (1, 350)), _SOFT, _HOLLOW, _HOO, 0.38, loudness=0.7),
    Syllable(0.14, ((0, 350), (0.5, 380), (1, 360)), _SOFT, _HOLLOW, _HOO, 0.06, loudness=0.6),
    Syllable(0.42, ((0, 360), (0.4, 395), (1, 350)), _SOFT, _HOLLOW, _HOO, 0.28),
    Syllable(0.55, ((0, 355), (0.4, 385), (1, 320)), _SOFT, _HOLLOW, _HOO, vibrato=(7, 0.02)),
)
_CAW = Syllable(
    0.36,
    ((0, 430), (0.2, 540), (0.7, 520), (1, 400)),
    ((0, 0), (0.08, 1), (0.7, 0.8), (1, 0)),
    (
        ((1150, 1500, 1350), 400),
        ((2300, 2700, 2500), 500),
        ((3700, 3900), 700),
        ((800, 800), 300),
    ),
    Glottis(0.94, 0.2, 0.03, 0.65, 65),
    tremor=(75, 0.3),
)
_GULL_THROAT = (((1300, 1900, 1500), 600), ((2900, 3400, 3000), 800), ((4700, 4700), 1000))
_GULL = (
    Syllable(
        0.75,
        ((0, 760), (0.25, 1250), (0.6, 1150), (1, 760)),
        _ARCH,
        _GULL_THROAT,
        Glottis(0.84, 0.08, 0.01, 0.15, 60),
        0.12,
    ),
    Syllable(
        0.32,
        ((0, 900), (0.3, 1300), (1, 850)),
        _ARCH,
        _GULL_THROAT,
        Glottis(0.84, 0.08, 0.01, 0.15, 60),
        0.08,
    ),
    Syllable(
        0.3, ((0, 880), (0.3, 1250), (1, 820)), _ARCH, _GULL_THROAT, Glottis(0.84, 0.08, 0.01, 0.15, 60), 0.08
    ),
    Syllable(
        0.28, ((0, 850), (0.3, 1200), (1, 780)), _ARCH, _GULL_THROAT, Glottis(0.84, 0.08, 0.01, 0.15, 60)
    ),
)
_COO = Glottis(0.3, 0.06, 0.01)
_PIGEON = (
    Syllable(
        0.3, ((0, 270), (0.5, 330), (1, 290)), _SOFT, _HOLLOW, _COO, 0.04, tremor=(24, 0.8), loudness=0.7
    ),
    Syllable(
        0.75, ((0, 300), (0.35, 420), (0.7, 360), (1, 270)), _SOFT, _HOLLOW, _COO, 0.05, tremor=(24, 0.7)
    ),
    Syllable(0.35, ((0, 290), (0.4, 330), (1, 260)), _SOFT, _HOLLOW, _COO, loudness=0.8),
)
_FLUTE = (((700, 700), 400), ((1400, 1400), 400))
_CUCKOO = (
    Syllable(0.19, ((0, 660), (0.6, 672), (1, 650)), _SOFT, _FLUTE, Glottis(0.16, 0.03, 0.004), 0.13),
    Syllable(0.3, ((0, 535), (0.5, 530), (1, 515)), _SOFT, _FLUTE, Glottis(0.16, 0.03, 0.004)),
)


def _whistle(hz: Signal, level: Signal) -> Signal:
    phase = 2 * np.pi * np.cumsum(hz) / 44_100
    return np.asarray((np.sin(phase) + 0.08 * np.sin(2 * phase)) * level)


def _song(request: EffectRequest, rng: Rng) -> Signal:
    """A phrase of whistles: each motif is one gesture, said a few times, as songbirds do."""
    parts: list[tuple[float, Signal]] = []
    base = scale(5200, 2600, request.size) * rng.uniform(0.85, 1.15)
    at = 0.0
    for _ in range(int(rng.integers(2, 4))):
        kind = rng.integers(0, 4)
        length_s = (0.16, 0.07, 0.32, 0.11)[kind] * rng.uniform(0.8, 1.25)
        centre = base * rng.uniform(0.75, 1.3)
        reach = rng.uniform(0.12, 0.4) * rng.choice([-1, 1])
        for _ in range(int(rng.integers(*((2, 5), (5, 12), (1, 3), (3, 6))[kind]))):
            count = frames(length_s)
            hz = glide(
                count, (0, centre * (1 - reach)), (0.5, centre * (1 + 0.3 * reach)), (1, centre * (1 + reach))
            )
            if kind == 2:
                hz = hz * (1 + 0.05 * sine(float(rng.uniform(22, 34)), count))
            if kind == 3:
                hz = centre * (1 + abs(reach) * swell(count))
            parts.append((at, _whistle(hz, swell(count, 0.7)) * rng.uniform(0.7, 1)))
            at += length_s + (0.06, 0.025, 0.1, 0.05)[kind] * rng.uniform(0.8, 1.2)
        at += rng.uniform(0.04, 0.14)
    return together(frames(at + 0.05), *parts)


def _tweet(request: EffectRequest, rng: Rng) -> Signal:
    """One chirp of a sparrow."""
    count = frames(rng.uniform(0.07, 0.13))
    centre = scale(5200, 3000, request.size) * rng.uniform(0.9, 1.1)
    hz = glide(count, (0, centre * 0.8), (0.35, centre * 1.25), (1, centre * 0.7))
    return _whistle(hz, swell(count, 0.6)) + 0.25 * _whistle(hz * 1.52, swell(count, 1.5))


def _drumming(request: EffectRequest, rng: Rng) -> Signal:
    """A woodpecker: some twenty blows a second on a hollow trunk, dying away."""
    blows = int(rng.integers(14, 22))
    gap_s = 1 / scale(15, 26, request.speed)
    parts = [
        (
            number * gap_s * (1 - 0.006 * number),
            strike(rng, "wood", size=0.33 + 0.3 * request.size, hardness=0.75)
            * curve(blows, (0, 0.7), (0.25, 1), (1, 0.35))[number],
        )
        for number in range(blows)
    ]
    return edges(together(frames(blows * gap_s + 0.3), *parts), 0.0, 0.05)


_CALM = Pacing((4.0, 2.4), 0.2, (1, 1), (1.5, 0.3))

EFFECTS = (
    event_effect("owl", "bird", "An owl hoots", call(*_OWL, span=1.3), 2.2, _CALM, space="forest"),
    event_effect(
        "crow",
        "bird",
        "A crow caws",
        call(_CAW, span=1.3),
        0.4,
        Pacing((0.75, 0.48), 0.15, (2, 4), (1.6, 0.5)),
        space="outdoors",
    ),
    event_effect(
        "songbird", "bird", "A songbird sings", _song, 1.3, Pacing((2.2, 1.3), 0.3, width=0.4), space="forest"
    ),
    event_effect(
        "sparrow",
        "bird",
        "Sparrows chirp",
        _tweet,
        0.13,
        Pacing((0.4, 0.16), 0.6, (2, 6), (0.6, 0.2), width=0.6, level_spread=0.5),
    ),
    event_effect(
        "seagull",
        "bird",
        "Seagulls cry",
        call(*_GULL, span=1.3),
        2.2,
        Pacing((2.6, 1.6), 0.3, width=0.5),
        space="outdoors",
    ),
    event_effect("pigeon", "bird", "A pigeon coos", call(*_PIGEON, span=1.3), 1.5, Pacing((2.2, 1.6), 0.15)),
    event_effect(
        "cuckoo",
        "bird",
        "A cuckoo calls",
        call(*_CUCKOO, span=1.2),
        0.65,
        Pacing((1.5, 0.95), 0.04),
        space="forest",
    ),
    event_effect(
        "woodpecker", "bird", "A woodpecker drums", _drumming, 1.0, Pacing((2.6, 1.5), 0.3), space="forest"
    ),
)
