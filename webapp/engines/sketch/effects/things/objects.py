"""Things in the hand: glass, wood, metal, coins, keys, paper, cloth."""

import numpy as np

from webapp.engines.sketch.effects.effect import EventRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    bandpass,
    burst,
    curve,
    decay,
    frames,
    highpass,
    layers,
    lowpass,
    mix,
    noise,
    scale,
    to_peak,
    together,
    wander,
)
from webapp.engines.sketch.effects.synthesis.modal import MATERIALS, ring, strike
from webapp.engines.sketch.effects.synthesis.pacing import Pacing, event_effect


def _glass_break(request: EffectRequest, rng: Rng) -> Signal:
    """A blow, a burst of cracks, and shards that ring as they fall and settle."""
    length_s = scale(1.0, 2.2, request.size)
    count = frames(length_s)
    blow = bandpass(noise(rng, count), 500, 9000) * decay(count, 0.12) * 1.2
    cracks = highpass(noise(rng, count), 3500) * decay(count, 0.35) * np.abs(wander(rng, count, 300)) * 0.8
    parts: list[tuple[float, Signal]] = [(0.0, to_peak(blow + cracks))]
    for _ in range(int(scale(34, 110, request.size))):
        place = rng.beta(1.0, 2.6)
        shard = strike(rng, "glass", size=float(rng.uniform(0.05, 0.5)), hardness=0.9, duration_s=0.3)
        parts.append((place * (length_s - 0.3), to_peak(shard) * rng.uniform(0.08, 0.5) * (1 - 0.6 * place)))
    return together(count, *parts) * curve(count, (0, 1), (0.9, 1), (1, 0))


def _clink(request: EffectRequest, rng: Rng) -> Signal:
    """Two glasses touch: wine glasses ring long, with pairs of close modes that beat."""
    base = scale(2600, 1200, request.size) * rng.uniform(0.95, 1.05)
    count = frames(1.4)
    hz = np.concatenate(
        [base * k * np.array([1.0, 1.17]) * rng.uniform(0.997, 1.003, 2) for k in (1.0, 2.32, 4.25, 6.63)]
    )
    t60 = np.repeat([1.3, 0.8, 0.5, 0.3], 2) * rng.uniform(0.8, 1.2, 8)
    bell = ring(hz, t60, np.repeat([1.0, 0.6, 0.35, 0.2], 2) * rng.uniform(0.6, 1, 8), count)
    return layers(to_peak(bell), 0.3 * to_peak(highpass(noise(rng, frames(0.006)), 4000)))


def _hit(material: str) -> EventRenderer:
    def event(request: EffectRequest, rng: Rng) -> Signal:
        asked = request.material if request.material in MATERIALS else material
        return strike(rng, asked, size=request.size, hardness=mix(0.25, 1.0, request.intensity))

    return event


def _coin(rng: Rng, size: float) -> Signal:
    """Let a coin ring: many bright modes that die soon."""
    low = scale(3600, 2100, size) * rng.uniform(0.9, 1.15)
    hz = low * np.exp(rng.uniform(0, 1.35, 16))
    return ring(
        hz,
        0.2 * (hz / low) ** -0.6 * rng.uniform(0.5, 1.5, 16),
        rng.uniform(0.3, 1, 16),
        frames(0.25),
        rng.uniform(0, 6.28, 16),
    )


def _coins(request: EffectRequest, rng: Rng) -> Signal:
    """A handful of coins drops: each bounces ever faster, and comes to rest."""
    parts: list[tuple[float, Signal]] = []
    for _ in range(round(mix(2, 14, request.density))):
        at, gap, level = float(rng.uniform(0, 0.7)), rng.uniform(0.08, 0.22), rng.uniform(0.4, 1)
        while gap > 0.012 and at < 2.0:
            body = 0.2 * strike(rng, "wood", size=0.5, hardness=0.6, duration_s=0.1)
            parts.append((at, level * layers(to_peak(_coin(rng, request.size)), body)))
            at, gap, level = at + gap, gap * rng.uniform(0.62, 0.8), level * 0.75
    return together(frames(2.4), *parts)


def _jingle(request: EffectRequest, rng: Rng) -> Signal:
    """A bunch of keys: a dozen small plates that hit each other in flurries."""
    keys = scale(6500, 3200, request.size) * rng.uniform(0.7, 1.6, 7)
    parts: list[tuple[float, Signal]] = []
    for flurry in np.cumsum(rng.uniform(0.1, 0.24, 5)):
        for _ in range(int(rng.integers(3, 9))):
            hz = rng.choice(keys) * np.array([1.0, 1.47, 2.09, 2.56])
            tone = ring(
                hz,
                np.array([0.16, 0.13, 0.1, 0.07]) * rng.uniform(0.6, 1.6),
                rng.uniform(0.3, 1, 4),
                frames(0.25),
            )
            click = highpass(noise(rng, frames(0.006)), 3000) * 0.3
            parts.append(
                (flurry + rng.normal(0, 0.025), layers(to_peak(tone), click) * np.exp(rng.normal(-0.7, 0.5)))
            )
    return together(frames(1.4), *((max(0.0, at), part) for at, part in parts))


def _rustle(rng: Rng, length_s: float, per_s: float, low: float, high: float) -> Signal:
    """Crumple a sheet: facets that snap over, in bursts, over a soft rub."""
    count = frames(length_s)
    busy = np.clip(0.8 + 0.8 * wander(rng, count, 5), 0.05, 3)
    rub = bandpass(noise(rng, count), low, high) * busy * 0.5
    parts: list[tuple[float, Signal]] = [(0.0, rub)]
    tries = rng.uniform(0, length_s - 0.02, int(per_s * length_s))
    for at in tries[rng.uniform(0, 2, tries.size) < busy[(tries * 44_100).astype(np.int64)]]:
        facet = low * rng.uniform(0.7, 2.0)
        snap = bandpass(burst(rng, 0.016, rng.uniform(0.004, 0.012), 0.0008), facet, 3 * facet)
        parts.append((at, snap * np.exp(rng.normal(-0.3, 0.7))))
    return together(count, *parts)


def _paper(request: EffectRequest, rng: Rng) -> Signal:
    length_s = scale(1.6, 0.7, request.speed)
    count = frames(length_s)
    return _rustle(rng, length_s, scale(150, 700, request.density), 1100, 7000)[:count] * curve(
        count, (0, 0), (0.1, 1), (0.8, 0.8), (1, 0)
    )


def _page(request: EffectRequest, rng: Rng) -> Signal:
    length_s = scale(1.1, 0.5, request.speed)
    count = frames(length_s)
    sweep = bandpass(noise(rng, count), 900, 7500) * curve(
        count, (0, 0), (0.25, 0.4), (0.5, 0.25), (0.7, 1), (0.8, 0.35), (1, 0)
    )
    return to_peak(sweep) + 0.4 * to_peak(_rustle(rng, length_s, 160, 1500, 8000)) * curve(
        count, (0, 0), (0.6, 1), (1, 0)
    )


def _tear(request: EffectRequest, rng: Rng) -> Signal:
    """Fibres give way one after the other, ever faster."""
    length_s = scale(1.3, 0.4, request.speed)
    count = frames(length_s)
    hz = curve(count, (0, 90), (0.5, 240), (1, 420)) * (1 + 0.3 * wander(rng, count, 80))
    turn = np.cumsum(np.maximum(hz, 30)) / 44_100 % 1.0
    fibres = np.exp(-turn * 1.5) * (0.8 + 0.3 * np.abs(wander(rng, count, 60)))
    return (
        bandpass(noise(rng, count), 1300, 9000)
        * fibres
        * curve(count, (0, 0), (0.08, 0.8), (0.85, 1), (1, 0))
    )


def _zip(request: EffectRequest, rng: Rng) -> Signal:
    """The slider passes tooth after tooth; it speeds up as it is pulled."""
    length_s = scale(1.0, 0.35, request.speed)
    count = frames(length_s)
    hz = curve(count, (0, 110), (0.3, 300), (0.8, 520), (1, 430)) * scale(0.8, 1.25, request.speed)
    turn = np.cumsum(hz * (1 + 0.08 * wander(rng, count, 90))) / 44_100 % 1.0
    tooth = 0.15 + np.exp(-turn * 3) * (1 + 0.3 * wander(rng, count, 250))
    buzz = bandpass(noise(rng, count), 1500, 6500) + 0.5 * highpass(noise(rng, count), 5000)
    end = 0.5 * to_peak(strike(rng, "metal", size=0.2, hardness=0.7, duration_s=0.1))
    return together(
        count + frames(0.1),
        (0.0, to_peak(buzz * tooth * curve(count, (0, 0.2), (0.4, 0.8), (1, 1)))),
        (length_s, end),
    )


def _plate(rng: Rng) -> Signal:
    """Knock a plate against others: many modes, and the table or the pile takes their ringing away."""
    low = rng.uniform(700, 1500)
    hz = low * np.exp(rng.uniform(0, 2.0, 26))
    t60 = rng.uniform(0.08, 0.3) * (hz / low) ** -0.5 * rng.uniform(0.5, 1.4, 26)
    body = ring(hz, t60, rng.uniform(0.3, 1, 26) * (hz / low) ** -0.3, frames(0.35), rng.uniform(0, 6.28, 26))
    return layers(to_peak(body), 0.4 * to_peak(bandpass(burst(rng, 0.04, 0.02, 0.0006), 800, 6000)))


def _dishes(request: EffectRequest, rng: Rng) -> Signal:
    parts: list[tuple[float, Signal]] = []
    for _ in range(round(mix(4, 12, request.density))):
        at = float(rng.uniform(0, 1.3))
        parts.append((at, to_peak(_plate(rng)) * rng.uniform(0.3, 1)))
        for _ in range(int(rng.integers(0, 4))):
            fork = _coin(rng, float(rng.uniform(0.2, 1.0)))
            parts.append((at + abs(rng.normal(0, 0.08)), to_peak(fork) * rng.uniform(0.05, 0.3)))
    return together(frames(2.0), *parts)


def _wood_break(request: EffectRequest, rng: Rng) -> Signal:
    parts: list[tuple[float, Signal]] = []
    for number, at in enumerate(np.sort(rng.beta(1.2, 1.6, 16)) * 0.45):
        snap = strike(
            rng,
            "wood",
            size=float(rng.uniform(0.05, 0.25)) + 0.5 * request.size,
            hardness=1.0,
            duration_s=0.2,
        )
        crack = highpass(noise(rng, frames(0.03)), 900) * decay(frames(0.03), 0.02)
        parts.append(
            (
                at,
                layers(to_peak(snap), 0.7 * to_peak(crack))
                * (1.0 if number in {5, 9} else rng.uniform(0.1, 0.5)),
            )
        )
    return together(frames(0.8), *parts)


def _cloth(request: EffectRequest, rng: Rng) -> Signal:
    count = frames(scale(0.9, 0.35, request.speed))
    air = bandpass(noise(rng, count), 500, 5000) * np.clip(1 + 0.5 * wander(rng, count, 18), 0.1, 3)
    return lowpass(air, 6000) * curve(count, (0, 0), (0.3, 1), (0.6, 0.6), (1, 0))


_OFTEN = Pacing((1.3, 0.5), 0.15, width=0.2)
_BODIES = tuple(MATERIALS)

EFFECTS = (
    event_effect(
        "glass_break", "object", "Glass breaks", _glass_break, 1.6, Pacing((3.0, 1.8), 0.2), space="room"
    ),
    event_effect("glass_clink", "object", "Glasses clink", _clink, 1.2, _OFTEN, space="room"),
    event_effect(
        "wood_hit", "object", "Wood is hit", _hit("wood"), 0.4, _OFTEN, materials=_BODIES, space="room"
    ),
    event_effect(
        "metal_hit",
        "object",
        "Metal is hit",
        _hit("metal"),
        1.6,
        _OFTEN,
        materials=("metal", *(body for body in _BODIES if body != "metal")),
        space="room",
    ),
    event_effect(
        "wood_break", "object", "Wood breaks", _wood_break, 0.8, Pacing((2.2, 1.1), 0.2), space="room"
    ),
    event_effect("coins", "object", "Coins drop", _coins, 2.0, Pacing((2.4, 1.4), 0.2), space="room"),
    event_effect("keys", "object", "Keys jingle", _jingle, 1.2, Pacing((1.6, 0.9), 0.2)),
    event_effect("paper", "object", "Paper is crumpled", _paper, 1.1, Pacing((1.8, 0.9), 0.2)),
    event_effect("page_turn", "object", "A page is turned", _page, 0.75, Pacing((2.4, 1.1), 0.2)),
    event_effect("paper_tear", "object", "Paper is torn", _tear, 0.8, Pacing((1.8, 0.9), 0.2)),
    event_effect("zip", "object", "A zip is pulled", _zip, 0.7, Pacing((1.6, 0.9), 0.15)),
    event_effect("dishes", "object", "Dishes clatter", _dishes, 1.8, Pacing((2.2, 1.3), 0.2), space="room"),
    event_effect("cloth", "object", "Cloth rustles", _cloth, 0.6, Pacing((1.2, 0.5), 0.3)),
)
