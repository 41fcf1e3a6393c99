"""Animals of the farm."""

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    burst,
    frames,
    lowpass,
    scale,
    to_peak,
    together,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.vocal import Glottis

_MOO = (
    # The mouth is shut at first, and opens slowly.
    Syllable(
        0.55,
        ((0, 92), (0.5, 104), (1, 118)),
        ((0, 0), (0.3, 0.3), (1, 0.42)),
        (((230, 250), 90), ((950, 900), 350), ((2100,), 600)),
        Glottis(0.9, 0.12, 0.012, 0.25, 45),
        wait_s=-0.03,
    ),
    Syllable(
        1.5,
        ((0, 118), (0.3, 172), (0.65, 160), (1, 104)),
        ((0, 0.4), (0.25, 1), (0.65, 0.9), (1, 0)),
        (((330, 560, 520, 380), 120), ((820, 1120, 1050, 850), 180), ((2250,), 320), ((3300,), 500)),
        Glottis(0.94, 0.16, 0.012, 0.3, 55),
    ),
)
_NEIGH = (
    Syllable(
        0.55,
        ((0, 1320), (0.4, 2080), (1, 2210)),
        ((0, 0.0), (0.2, 0.8), (1, 1.0)),
        (((899, 1230), 354), ((2040, 2370), 267), ((3440, 3440), 237)),
        Glottis(0.47, 0.57, 0.031, 0.16, 51.9),
        wait_s=-0.034,
        vibrato=(13, 0.029),
    ),
    Syllable(
        1.3,
        ((0, 2040), (0.3, 1750), (0.7, 1270), (1, 749)),
        ((0, 0.9), (0.4, 1.0), (0.8, 0.5), (1, 0.0)),
        (((1140, 820, 655), 318), ((2210, 1880, 1550), 240), ((3270, 3110), 213)),
        Glottis(0.51, 0.62, 0.041, 0.21, 45.4),
        wait_s=0.023,
        vibrato=(11, 0.067),
        tremor=(11, 0.69),
    ),
)
_BAA = Syllable(
    0.95,
    ((0, 227), (0.2, 300), (0.7, 275), (1, 215)),
    ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
    (((632, 986, 1010, 821), 152), ((1900, 2210, 2150), 227), ((3410, 3540), 343), ((4680, 4680), 410)),
    Glottis(0.97, 0.18, 0.022, 0.57, 45.4),
    vibrato=(7.5, 0.05),
    tremor=(7.5, 0.88),
)
_GOAT = Syllable(
    0.83,
    ((0, 314), (0.2, 384), (0.7, 361), (1, 283)),
    ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
    (((843, 1120, 1010), 161), ((2140, 2420, 2250), 235), ((3370, 3480), 369)),
    Glottis(0.97, 0.22, 0.025, 0.67, 53.1),
    vibrato=(11, 0.036),
    tremor=(11, 0.95),
)
_OINK = (
    Syllable(
        0.19,
        ((0, 75.9), (0.5, 141), (1, 98.8)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((729, 1210, 904), 165), ((2170, 2610, 2260), 209), ((4510, 4690), 270)),
        Glottis(0.94, 0.7, 0.035, 0.78, 80.9),
        wait_s=0.029,
    ),
    Syllable(
        0.29,
        ((0, 105), (0.4, 274), (1, 133)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((729, 1210, 904), 165), ((2170, 2610, 2260), 209), ((4510, 4690), 270)),
        Glottis(0.94, 0.7, 0.028, 0.78, 80.9),
    ),
)
_SQUEAL = Syllable(
    0.66,
    ((0, 913), (0.3, 1600), (0.8, 1430), (1, 799)),
    ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
    (((1210, 1590), 634), ((2620, 2990), 820), ((4300, 4300), 1000)),
    Glottis(0.64, 0.17, 0.02, 0.43, 75.7),
)
_BRAY = (
    Syllable(
        0.5,
        ((0, 686), (0.5, 1230), (1, 1120)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((817, 1090), 391), ((2090, 2270), 413)),
        Glottis(0.65, 0.43, 0.016, 0.55, 76.8),
        wait_s=0.06,
    ),
    Syllable(
        0.62,
        ((0, 385), (0.4, 350), (1, 266)),
        ((0, 0.0), (0.12, 1.0), (0.7, 0.85), (1, 0.0)),
        (((545, 772, 635), 254), ((1180, 1360), 258), ((2360, 2360), 339)),
        Glottis(0.85, 0.13, 0.016, 0.65, 49.4),
        wait_s=0.1,
    ),
)


# What a hoof falls on: how hollow it sounds, how much edge of the shoe is heard.
_HOOFED = {"stone": (282.0, 0.8), "dirt": (130.0, 0.08), "wood": (190.0, 0.3)}


def _clop(request: EffectRequest, rng: Rng) -> Signal:
    """Set one hoof down: a hollow knock, and the edge of the shoe."""
    hollow, edge = _HOOFED.get(request.material, _HOOFED["stone"])
    hollow *= scale(1.3, 0.75, request.size) * rng.uniform(0.88, 1.12)
    cup = bandpass(burst(rng, 0.18, 0.05, 0.003), hollow, 2.2 * hollow, 2)
    knock = bandpass(burst(rng, 0.18, 0.03, 0.0012), 2.6 * hollow, 5 * hollow, 2)
    shoe = bandpass(burst(rng, 0.18, 0.025, 0.0008), 2500, 6000)
    earth = lowpass(burst(rng, 0.18, 0.12, 0.006), 170)
    return (
        to_peak(cup)
        + 0.7 * to_peak(knock)
        + 0.35 * edge * to_peak(shoe)
        + (0.6 - 0.5 * edge) * to_peak(earth)
    )


_TROT = ((0.0, 1.0), (0.19, 0.63), (0.5, 0.9), (0.69, 0.6))
_GALLOP = ((0.0, 0.75), (0.2, 0.9), (0.38, 1.0))


def _trot(request: EffectRequest, rng: Rng) -> Signal:
    return _stride(request, rng, _TROT, scale(0.95, 0.5, request.speed))


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
    event_effect("cow", "animal", "A cow moos", call(*_MOO, span=1.3), 2.1, _SINGLE, space="outdoors"),
    event_effect("horse_neigh", "animal", "A horse neighs", call(*_NEIGH, span=1.3), 1.9, _SINGLE),
    event_effect(
        "horse_hooves",
        "animal",
        "A horse trots",
        _trot,
        0.8,
        Pacing((0.95, 0.5), 0.02),
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
)
