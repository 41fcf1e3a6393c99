"""Calls as tables: syllables with their pitch, loudness, throat and glottis; one renderer for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from webapp.engines.sketch.effects.effect import EventRenderer
from webapp.engines.sketch.effects.request import EffectRequest
from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    curve,
    edges,
    frames,
    glide,
    scale,
    sine,
    to_peak,
    wander,
)
from webapp.engines.sketch.effects.synthesis.vocal import Formant, Glottis, through_throat, vibrato, voiced

Points: TypeAlias = tuple[tuple[float, float], ...]


_CLEAR = Glottis()


@dataclass(frozen=True, slots=True)
class Syllable:
    """One stretch of voice."""

    duration_s: float
    pitch: Points  # (share of the time, Hz)
    level: Points  # (share of the time, level)
    formants: Sequence[Formant]
    glottis: Glottis = _CLEAR
    wait_s: float = 0.0  # silence after it; below 0 it overlaps with the next
    vibrato: tuple[float, float] = (0.0, 0.0)  # Hz, share of the pitch
    tremor: tuple[float, float] = (0.0, 0.0)  # Hz, share of the level
    loudness: float = 1.0


@dataclass(frozen=True, slots=True)
class Body:
    """A caller's factors of pitch, throat and time against the usual one's, and its effort."""

    pitch: float = 1.0
    throat: float = 1.0
    time: float = 1.0
    effort: float = 0.0  # -1 … 1: darker or brighter


def sized(request: EffectRequest, rng: Rng, spread: float = 0.05, span: float = 1.6) -> Body:
    """Make the body that a request asks for; two are never the same."""
    pitch = scale(span, 1 / span, request.size) * rng.uniform(1 - spread, 1 + spread)
    throat = scale(span**0.5, span**-0.5, request.size) * rng.uniform(1 - spread / 2, 1 + spread / 2)
    return Body(pitch, throat, rng.uniform(1 - 2 * spread, 1 + 2 * spread), 2 * request.intensity - 1)


def speak(rng: Rng, syllables: Sequence[Syllable], body: Body) -> Signal:
    """Say syllables one after the other."""
    parts: list[tuple[int, Signal]] = []
    at = 0
    for syllable in syllables:
        parts.append((at, _said(rng, syllable, body)))
        at += frames(syllable.duration_s * body.time) + round(syllable.wait_s * body.time * 44_100)
    total = np.zeros(max(start + part.size for start, part in parts))
    for start, part in parts:
        total[start : start + part.size] += part
    return total


def _said(rng: Rng, syllable: Syllable, body: Body) -> Signal:
    count = frames(syllable.duration_s * body.time * rng.uniform(0.94, 1.06))
    hz = glide(count, *syllable.pitch) * body.pitch * rng.uniform(0.97, 1.03)
    if syllable.vibrato[0]:
        hz = hz * vibrato(
            count, syllable.vibrato[0] * rng.uniform(0.92, 1.08), syllable.vibrato[1], rng.uniform()
        )
    brightness = float(np.clip(syllable.glottis.brightness * (1 + 0.06 * body.effort), 0, 0.97))
    source = voiced(rng, hz, replace(syllable.glottis, brightness=brightness))
    formants = [
        ([value * body.throat * rng.uniform(0.98, 1.02) for value in values], width)
        for values, width in syllable.formants
    ]
    level = curve(count, *syllable.level)
    if syllable.tremor[0]:
        rate = syllable.tremor[0] * rng.uniform(0.9, 1.1) * (1 + 0.1 * wander(rng, count, 3.0))
        level = level * (1 - syllable.tremor[1] * (0.5 + 0.5 * sine(rate, count, rng.uniform())))
    voice = edges(through_throat(source, formants) * level, 0.006, 0.012)
    return to_peak(voice, syllable.loudness * rng.uniform(0.9, 1.0))


def call(*syllables: Syllable, spread: float = 0.05, span: float = 1.6) -> EventRenderer:
    """Turn a table of syllables into an event."""

    def event(request: EffectRequest, rng: Rng) -> Signal:
        return speak(rng, syllables, sized(request, rng, spread, span))

    return event
