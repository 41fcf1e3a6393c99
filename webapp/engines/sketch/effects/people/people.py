"""People, one at a time."""

import numpy as np

from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.calls import Syllable, call, sized, speak
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    curve,
    decay,
    frames,
    glide,
    highpass,
    lowpass,
    noise,
    scale,
    sine,
    swell,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect
from webapp.engines.sketch.effects.synthesis.vocal import Formant, Glottis, through_throat, voiced

_AH: tuple[Formant, ...] = (
    ((750, 780), 130),
    ((1250, 1280), 170),
    ((2600, 2600), 260),
    ((3600, 3600), 400),
)


def _laugh(request: EffectRequest, rng: Rng) -> Signal:
    """Ha-ha-ha: breathy notes about five a second that fall in pitch and die away."""
    rate = scale(4.2, 6.2, request.speed)
    number = int(rng.integers(5, 10))
    parts: list[tuple[float, Signal]] = []
    woman = rng.uniform() < 0.5
    base, throat = (310.0, 1.15) if woman else (185.0, 1.0)
    base *= rng.uniform(0.88, 1.15)
    at = 0.0
    for step in range(number):
        share = step / number
        count = frames(0.62 / rate)
        hz = (
            base
            * (1.35 - 0.5 * share)
            * glide(count, (0, 0.98), (0.3, 1.12), (1, 0.82))
            * rng.uniform(0.94, 1.06)
        )
        tone = voiced(rng, hz, Glottis(0.78, 0.22, 0.015, 0.08, 50))
        air = noise(rng, count) * curve(count, (0, 0.5), (0.2, 0.25), (0.6, 0.2), (1, 0.5))
        loud = curve(count, (0, 0), (0.14, 1), (0.5, 0.7), (1, 0))
        formants = [([v * throat * rng.uniform(0.96, 1.04) for v in values], w) for values, w in _AH]
        parts.append(
            (at, through_throat((tone + air) * loud, formants) * (1 - 0.55 * share) * rng.uniform(0.8, 1))
        )
        breath = frames(0.5 / rate)
        puff = through_throat(noise(rng, breath) * swell(breath) * 0.35, formants)
        parts.append((at + 0.58 / rate, puff * (1 - 0.5 * share) * 0.5))
        at += rng.uniform(0.92, 1.1) / rate
    return together(frames(at + 0.2), *parts)


def _airy(rng: Rng, count: int, low_hz: float, high_hz: float, narrow: float = 1.0) -> Signal:
    """Breath through nose or mouth: noise in the tube of a throat, with a flutter of its own."""
    formants: tuple[Formant, ...] = (
        ((low_hz, low_hz, low_hz), 130 * narrow),
        ((high_hz, high_hz), 210 * narrow),
        ((high_hz * 1.9,), 330 * narrow),
    )
    flutter = np.clip(1 + 0.4 * wander(rng, count, 10), 0.2, 2)
    return through_throat(noise(rng, count) * flutter, formants)


_DRAWN = ((0.0, 0.0), (0.27, 1.0), (0.8, 0.5), (1.0, 0.0))


def _breath(request: EffectRequest, rng: Rng) -> Signal:
    """Draw breath through a narrow mouth, and let it out through a wide one."""
    pace, body = scale(1.5, 0.5, request.speed), sized(request, rng)
    inward, outward = frames(1.2 * pace), frames(1.0 * pace)
    first = _airy(rng, inward, 1450 * body.throat, 3150 * body.throat) * curve(inward, *_DRAWN)
    second = _airy(rng, outward, 870 * body.throat, 1900 * body.throat) * curve(outward, *_DRAWN)
    return np.concatenate((to_peak(first), np.zeros(frames(0.21 * pace)), to_peak(second, 0.45)))


def _snore(request: EffectRequest, rng: Rng) -> Signal:
    """The palate flaps some forty times a second while breath is drawn; a sigh of air goes out."""
    body = sized(request, rng, 0.06, 1.25)
    count = frames(scale(1.9, 1.2, request.speed) * rng.uniform(0.9, 1.1))
    hz = 43 * body.pitch * curve(count, (0, 0.85), (0.4, 1.1), (1, 0.9)) * (1 + 0.02 * wander(rng, count, 9))
    turn = np.cumsum(hz) / 44_100 % 1.0
    flap = np.exp(-turn * 5.6) * (1 - np.exp(-turn * 40)) * (1 + 0.3 * wander(rng, count, 30))
    throat = body.throat
    formants: tuple[Formant, ...] = (
        ((500 * throat, 690 * throat, 500 * throat), 100),
        ((1850 * throat, 2550 * throat), 150),
        ((4050 * throat,), 500),
    )
    drawn = through_throat(noise(rng, count) * (flap + 0.15), formants)
    drawn = drawn * curve(count, (0, 0), (0.25, 0.6), (0.7, 1), (0.93, 0.9), (1, 0))
    out = frames(0.85)
    sigh = _airy(rng, out, 1850 * throat, 3900 * throat, 2.5) * curve(
        out, (0, 0), (0.15, 1), (0.5, 0.5), (1, 0)
    )
    return np.concatenate((to_peak(drawn), np.zeros(frames(0.2)), to_peak(sigh, 0.25)))


def _cough(request: EffectRequest, rng: Rng) -> Signal:
    """A burst of air as the glottis opens, then a rough, fading voice."""
    body = sized(request, rng)
    parts: list[tuple[float, Signal]] = []
    at = 0.0
    for number in range(int(rng.integers(2, 4))):
        count = frames(rng.uniform(0.3, 0.4))
        hz = glide(count, (0, 230), (0.3, 178), (1, 125)) * body.pitch
        tone = voiced(rng, hz, Glottis(0.62, 0.3, 0.05, 0.45, 60))
        tone = tone * curve(count, (0, 0), (0.12, 0.25), (0.3, 1), (0.6, 0.5), (1, 0))
        air = noise(rng, count) * curve(count, (0, 0), (0.11, 1), (0.23, 0.6), (0.45, 0.2), (1, 0))
        throat = body.throat
        formants: tuple[Formant, ...] = (
            ((1165 * throat, 1280 * throat, 1050 * throat), 130),
            ((1575 * throat,), 180),
            ((3265 * throat,), 320),
        )
        sound = through_throat(0.6 * tone + air, formants)
        parts.append((at, to_peak(sound, 1 - 0.15 * number)))
        at += rng.uniform(0.5, 0.62)
    return together(frames(at + 0.1), *parts)


def _sneeze(request: EffectRequest, rng: Rng) -> Signal:
    body = sized(request, rng)
    draw = frames(0.45)
    inward = _airy(rng, draw, 1100 * body.throat, 2600 * body.throat, 2) * curve(
        draw, (0, 0), (0.8, 0.35), (1, 0)
    )
    count = frames(0.5)
    air = noise(rng, count) * curve(count, (0, 0), (0.03, 2.2), (0.25, 1.0), (0.5, 0.25), (1, 0))
    tone = voiced(
        rng, glide(count, (0, 330), (0.3, 260), (1, 170)) * body.pitch, Glottis(0.86, 0.2, 0.03, 0.3)
    )
    tone = tone * curve(count, (0, 0), (0.06, 1), (0.3, 0.6), (0.7, 0))
    formants: tuple[Formant, ...] = (
        ((500, 700, 400), 180),
        ((1900, 1600), 300),
        ((3400, 4200), 1500),
        ((6000, 6000), 2600),
    )
    return np.concatenate((to_peak(inward, 0.25), to_peak(through_throat(tone + air, formants))))


_CRY_THROAT: tuple[Formant, ...] = (
    ((900, 1250, 1150, 950), 280),
    ((1900, 2500, 2300), 420),
    ((3900, 4100), 700),
    ((5600, 5600), 900),
)
_CRY = (
    Syllable(
        0.79,
        ((0, 316), (0.12, 438), (0.5, 477), (0.85, 376), (1, 271)),
        ((0, 0.0), (0.08, 0.9), (0.4, 1.0), (0.8, 0.7), (1, 0.0)),
        (
            ((1210, 1680, 1550, 1280), 315),
            ((2560, 3360, 3090), 431),
            ((5250, 5520), 667),
            ((7530, 7530), 822),
        ),
        Glottis(0.93, 0.45, 0.006, 0.12, 40.9),
        wait_s=0.045,
        vibrato=(6.0, 0.0091),
        tremor=(9.0, 0),
    ),
)


def _cry(request: EffectRequest, rng: Rng) -> Signal:
    """Wah — and a gasp for air."""
    body = sized(request, rng, 0.07, 1.2)
    wail = speak(rng, _CRY, body)
    gasp = frames(0.26)
    air = _airy(rng, gasp, 1800 * body.throat, 3400 * body.throat, 2) * swell(gasp)
    return np.concatenate((wail, to_peak(air, 0.14)))


def _heartbeat(request: EffectRequest, rng: Rng) -> Signal:
    """Lub-dub: two muffled thumps, the second shorter and higher."""
    parts: list[tuple[float, Signal]] = []
    for at, hz, t60, level in (
        (0.0, 52.0, 0.16, 1.0),
        (0.3 * scale(1.2, 0.62, request.speed), 68.0, 0.11, 0.7),
    ):
        count = frames(0.3)
        tone = np.sin(2 * np.pi * np.cumsum(hz * glide(count, (0, 1.5), (0.25, 1), (1, 0.8))) / 44_100)
        thump = tone * decay(count, t60 * 1.6) * curve(count, (0, 0), (0.03, 1), (1, 1))
        flesh = lowpass(noise(rng, count), 170, 2) * decay(count, t60) * 0.8
        parts.append((at, level * (thump + flesh) * rng.uniform(0.93, 1)))
    return together(frames(0.75), *parts)


def _whistle(request: EffectRequest, rng: Rng) -> Signal:
    """A person whistles two notes with the lips."""
    count = frames(0.9)
    hz = scale(1900, 1150, request.size) * glide(
        count, (0, 0.8), (0.12, 1), (0.4, 1), (0.5, 1.2), (0.58, 1.5), (0.8, 1.45), (1, 0.95)
    )
    hz = hz * (1 + 0.006 * sine(5.5, count) + 0.004 * wander(rng, count, 12))
    phase = 2 * np.pi * np.cumsum(hz) / 44_100
    level = curve(count, (0, 0), (0.08, 1), (0.42, 0.9), (0.48, 0.5), (0.6, 1), (0.85, 0.8), (1, 0))
    air = bandpass(noise(rng, count), 900, 3500)
    return np.asarray((np.sin(phase) + 0.05 * np.sin(2 * phase) + 0.05 * air) * level)


def _referee(request: EffectRequest, rng: Rng) -> Signal:
    """A pea whistle: three close tones that the pea chops some thirty times a second."""
    count = frames(scale(1.3, 0.5, request.speed))
    chop = 0.62 + 0.38 * sine(34 * (1 + 0.06 * wander(rng, count, 5)), count)
    drift = 1 + 0.004 * wander(rng, count, 8)
    tones = sum(
        (sine(hz * drift * (0.99 + 0.012 * chop), count) for hz in (2650.0, 2890.0, 3110.0)), np.zeros(count)
    )
    air = highpass(noise(rng, count), 2000) * 0.25
    return np.asarray((tones + air) * chop * curve(count, (0, 0), (0.05, 1), (0.9, 0.9), (1, 0)))


def _clap(request: EffectRequest, rng: Rng) -> Signal:
    """Two hands: a hollow between the palms gives the colour."""
    count = frames(0.2)
    hollow = scale(3000, 2000, request.size) * rng.uniform(0.75, 1.3)
    air = noise(rng, count)
    palms = (
        bandpass(air, hollow * 0.5, hollow * 1.8) + 0.06 * highpass(air, 3000) + 0.5 * bandpass(air, 150, 500)
    )
    return palms * (decay(count, 0.016) + 0.28 * decay(count, 0.15))


def _snap(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(0.12)
    air = noise(rng, count)
    hz = rng.uniform(1700, 2300) * scale(1.25, 0.8, request.size)
    return bandpass(air, hz * 0.8, hz * 1.3, 2) * decay(count, 0.035) + 0.15 * highpass(air, 4000) * decay(
        count, 0.012
    )


_SCREAM = Syllable(
    1.7,
    ((0, 902), (0.1, 1200), (0.6, 1280), (1, 1010)),
    ((0, 0.0), (0.06, 1.0), (0.8, 0.9), (1, 0.0)),
    (((1340, 1750, 1610), 315), ((2550, 2950), 437), ((4430, 4700), 626)),
    Glottis(0.73, 0.61, 0.015, 0, 87.9),
)
_YAWN = Syllable(
    1.8,
    ((0, 348), (0.25, 521), (0.7, 396), (1, 222)),
    ((0, 0.0), (0.3, 1.0), (0.7, 0.7), (1, 0.0)),
    (((426, 799, 852, 531), 101), ((1170, 1390, 1280, 955), 127), ((2660, 2660), 179)),
    Glottis(0.53, 0.8, 0.0031, 0.22, 79.5),
)
_ONCE = Pacing((2.6, 1.5), 0.2, (1, 1), (0.8, 0.2))

EFFECTS = (
    event_effect("laughter", "human", "Somebody laughs", _laugh, 1.7, Pacing((2.4, 1.5), 0.2), space="room"),
    event_effect("snoring", "human", "Somebody snores", _snore, 2.7, Pacing((3.6, 2.4), 0.06), space="room"),
    event_effect("breathing", "human", "Somebody breathes", _breath, 1.9, Pacing((3.4, 1.1), 0.06)),
    event_effect("cough", "human", "Somebody coughs", _cough, 1.0, _ONCE, space="room"),
    event_effect("sneeze", "human", "Somebody sneezes", _sneeze, 1.0, _ONCE, space="room"),
    event_effect("baby_cry", "human", "A baby cries", _cry, 1.4, Pacing((1.5, 1.25), 0.06), space="room"),
    event_effect(
        "heartbeat",
        "human",
        "A heart beats",
        _heartbeat,
        0.75,
        Pacing((1.15, 0.48), 0.02, width=0.0, level_spread=0.06),
    ),
    event_effect("whistle", "human", "Somebody whistles", _whistle, 0.95, Pacing((1.7, 1.1), 0.1)),
    event_effect(
        "referee_whistle",
        "human",
        "A referee's whistle",
        _referee,
        0.9,
        Pacing((2.2, 1.2), 0.15),
        space="outdoors",
    ),
    event_effect("clap", "human", "Hands clap", _clap, 0.2, Pacing((0.7, 0.28), 0.05), space="room"),
    event_effect(
        "finger_snap", "human", "Fingers snap", _snap, 0.12, Pacing((0.8, 0.35), 0.05), space="room"
    ),
    event_effect("scream", "human", "Somebody screams", call(_SCREAM, span=1.3), 1.7, _ONCE, space="room"),
    event_effect("yawn", "human", "Somebody yawns", call(_YAWN, span=1.3), 2.0, _ONCE, space="room"),
)
