"""Dogs and cats."""

import numpy as np

from webapp.engines.sketch.effects.calls import Syllable, call
from webapp.engines.sketch.effects.dsp import Rng, Signal, curve, frames, mix, noise, scale, wander
from webapp.engines.sketch.effects.effect import Stream
from webapp.engines.sketch.effects.pacing import Pacing, endless_effect, event_effect
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.spectral import resonance, shape
from webapp.engines.sketch.effects.streams import Filter, Phase, Wander
from webapp.engines.sketch.effects.vocal import Glottis

_BARK = Syllable(
    0.2,
    ((0, 330), (0.2, 620), (0.45, 560), (1, 300)),
    ((0, 0), (0.07, 1), (0.4, 0.8), (0.7, 0.25), (1, 0)),
    (((500, 950, 900, 600), 260), ((1300, 1750, 1700, 1300), 380), ((2800, 3100, 2900), 600)),
    Glottis(0.86, 0.16, 0.03, 0.45, 70),
)
_YIP = Syllable(
    0.11,
    ((0, 650), (0.25, 1150), (0.6, 1000), (1, 600)),
    ((0, 0), (0.1, 1), (0.5, 0.7), (1, 0)),
    (((900, 1400, 1000), 380), ((2200, 2700, 2300), 500), ((4200, 4200), 800)),
    Glottis(0.75, 0.1, 0.02, 0.25, 90),
)
_HOWL = Syllable(
    2.8,
    ((0, 300), (0.14, 480), (0.3, 560), (0.7, 540), (0.9, 430), (1, 330)),
    ((0, 0), (0.12, 0.7), (0.35, 1), (0.75, 0.85), (1, 0)),
    (((450, 600, 620, 520), 160), ((1000, 1150, 1150, 950), 240), ((2500, 2500), 400)),
    Glottis(0.62, 0.03, 0.006),
    vibrato=(4.5, 0.012),
)
_GROWL = Syllable(
    1.7,
    ((0, 72), (0.4, 88), (0.8, 80), (1, 64)),
    ((0, 0), (0.15, 0.8), (0.5, 1), (0.85, 0.7), (1, 0)),
    (((380, 480, 430), 200), ((950, 1150, 1000), 320), ((2300, 2500, 2300), 600)),
    Glottis(0.95, 0.2, 0.06, 0.8, 34),
    tremor=(26, 0.5),
)
_WHINE = Syllable(
    0.7,
    ((0, 900), (0.3, 1500), (0.6, 1350), (1, 850)),
    ((0, 0), (0.2, 0.8), (0.6, 1), (1, 0)),
    (((1100, 1500, 1100), 500), ((2600, 2900), 700)),
    Glottis(0.35, 0.05, 0.015),
    vibrato=(7, 0.03),
)
_MEOW = Syllable(
    0.85,
    ((0, 480), (0.15, 620), (0.45, 700), (0.8, 560), (1, 430)),
    ((0, 0), (0.1, 0.35), (0.3, 0.95), (0.6, 1), (0.85, 0.5), (1, 0)),
    (
        ((380, 700, 1150, 1200, 850, 600), 220),
        ((2300, 2300, 2100, 1800, 1300, 1050), 320),
        ((3500, 3700, 3500, 3300), 480),
        ((5200, 5200), 700),
    ),
    Glottis(0.84, 0.05, 0.008),
)


def _hiss(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(mix(0.9, 0.6, request.speed) * rng.uniform(0.85, 1.15))
    throat = scale(1.25, 0.8, request.size)
    spit = noise(rng, count) * (1 + 0.25 * wander(rng, count, 40))

    def envelope(share: Signal, hz: Signal) -> Signal:
        open_ = np.interp(share, [0, 0.1, 0.7, 1], [0.8, 1.0, 1.05, 0.9]) * throat
        total = resonance(hz, 3100 * open_, 1800) + 0.6 * resonance(hz, 6200 * open_, 3200)
        return np.asarray(total + 0.3 * resonance(hz, 1500 * open_, 700))

    return shape(spit, envelope) * curve(count, (0, 0), (0.05, 1), (0.5, 0.8), (1, 0))


def _purr(request: EffectRequest, rng: Rng) -> Stream:
    phase, breath, warm = Phase(), Phase(rng.uniform()), Filter("lowpass", 900, order=1)
    body = Filter("bandpass", 90, 420, order=1)
    drift = Wander(rng, 2.0)
    beat_hz, breath_hz = scale(29, 21, request.size), scale(0.35, 0.75, request.speed)

    def stream(count: int) -> Signal:
        rise = np.sin(breath(np.full(count, breath_hz)))
        inward = rise > 0
        hz = beat_hz * (1 + 0.07 * np.tanh(3 * rise) + 0.02 * drift(count))
        turn = (phase(hz) / (2 * np.pi)) % 1.0
        puff = np.exp(-turn * 7.0) * (1 - np.exp(-turn * 60))
        level = (0.25 + 0.75 * np.abs(rise) ** 0.5) * np.where(inward, 0.8, 1.0)
        air = rng.standard_normal((2, count)) * 0.8 + rng.standard_normal(count)
        return warm(air * puff * level) + 2.2 * body(air * puff * level) + 0.012 * air * level

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
