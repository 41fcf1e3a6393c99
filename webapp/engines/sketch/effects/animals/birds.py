"""Birds."""

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.dsp import (
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
from webapp.engines.sketch.effects.synthesis.modal import strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.vocal import Glottis

_ARCH = ((0.0, 0.0), (0.12, 1.0), (0.7, 0.85), (1.0, 0.0))
_SOFT = ((0.0, 0.0), (0.3, 1.0), (0.7, 0.9), (1.0, 0.0))
_HOLLOW = (((420, 450, 420), 260), ((900, 900), 250))
_HOO = Glottis(0.22, 0.04, 0.006)
_OWL = (
    Syllable(
        0.3,
        ((0, 439), (0.5, 514), (1, 448)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((549, 589, 549), 344), ((1180, 1180), 506)),
        Glottis(0.1, 0.23, 0.005, 0, 67.3),
        wait_s=0.4,
        loudness=0.7,
    ),
    Syllable(
        0.15,
        ((0, 446), (0.5, 503), (1, 465)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((549, 589, 549), 344), ((1180, 1180), 506)),
        Glottis(0.1, 0.23, 0.005, 0, 67.3),
        wait_s=0.063,
        loudness=0.6,
    ),
    Syllable(
        0.44,
        ((0, 462), (0.4, 529), (1, 443)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((549, 589, 549), 344), ((1180, 1180), 506)),
        Glottis(0.1, 0.23, 0.005, 0, 67.3),
        wait_s=0.3,
    ),
    Syllable(
        0.58,
        ((0, 461), (0.4, 519), (1, 397)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((549, 589, 549), 344), ((1180, 1180), 506)),
        Glottis(0.1, 0.23, 0.005, 0, 67.3),
        vibrato=(7.0, 0.019),
    ),
)
_CAW = Syllable(
    0.35,
    ((0, 368), (0.2, 570), (0.7, 531), (1, 320)),
    ((0, 0.0), (0.08, 1.0), (0.7, 0.8), (1, 0.0)),
    (((2030, 2640, 2370), 141), ((4060, 4760, 4400), 273), ((6510, 6870), 512), ((1410, 1410), 73.9)),
    Glottis(0.97, 0.72, 0.027, 0, 78.6),
    tremor=(75, 0.068),
)
_GULL_THROAT = (((1300, 1900, 1500), 600), ((2900, 3400, 3000), 800), ((4700, 4700), 1000))
_GULL = (
    Syllable(
        0.84,
        ((0, 1260), (0.25, 1750), (0.6, 1660), (1, 1260)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((1320, 1930, 1530), 855), ((2950, 3460, 3050), 1070), ((4780, 4780), 1290)),
        Glottis(0.49, 0.19, 0.0071, 0.75, 81.1),
        wait_s=0.13,
    ),
    Syllable(
        0.36,
        ((0, 1430), (0.3, 1820), (1, 1380)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((1320, 1930, 1530), 855), ((2950, 3460, 3050), 1070), ((4780, 4780), 1290)),
        Glottis(0.49, 0.19, 0.0071, 0.75, 81.1),
        wait_s=0.09,
    ),
    Syllable(
        0.34,
        ((0, 1400), (0.3, 1760), (1, 1330)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((1320, 1930, 1530), 855), ((2950, 3460, 3050), 1070), ((4780, 4780), 1290)),
        Glottis(0.49, 0.19, 0.0071, 0.75, 81.1),
        wait_s=0.09,
    ),
    Syllable(
        0.31,
        ((0, 1350), (0.3, 1690), (1, 1270)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((1320, 1930, 1530), 855), ((2950, 3460, 3050), 1070), ((4780, 4780), 1290)),
        Glottis(0.49, 0.19, 0.0071, 0.75, 81.1),
    ),
)
_COO = Glottis(0.3, 0.06, 0.01)
_PIGEON = (
    Syllable(
        0.25,
        ((0, 424), (0.5, 496), (1, 448)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((436, 467, 436), 349), ((934, 934), 285)),
        Glottis(0.1, 0.31, 0.025, 0, 64.9),
        wait_s=0.033,
        tremor=(24, 0.81),
        loudness=0.7,
    ),
    Syllable(
        0.62,
        ((0, 472), (0.35, 616), (0.7, 545), (1, 434)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((436, 467, 436), 349), ((934, 934), 285)),
        Glottis(0.1, 0.31, 0.025, 0, 64.9),
        wait_s=0.041,
        tremor=(24, 0.71),
    ),
    Syllable(
        0.29,
        ((0, 447), (0.4, 495), (1, 410)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((436, 467, 436), 349), ((934, 934), 285)),
        Glottis(0.1, 0.31, 0.025, 0, 64.9),
        loudness=0.8,
    ),
)
_FLUTE = (((700, 700), 400), ((1400, 1400), 400))
_CUCKOO = (
    Syllable(
        0.24,
        ((0, 1020), (0.6, 1040), (1, 1000)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((877, 877), 610), ((1750, 1750), 410)),
        Glottis(0.1, 0.48, 0.0022, 0.28, 72.9),
        wait_s=0.16,
    ),
    Syllable(
        0.37,
        ((0, 826), (0.5, 818), (1, 795)),
        ((0, 0.0), (0.3, 1.0), (0.7, 0.9), (1, 0.0)),
        (((877, 877), 610), ((1750, 1750), 410)),
        Glottis(0.1, 0.48, 0.0022, 0.28, 72.9),
    ),
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
