"""Voices of animals and people: a glottis with its faults, and a throat with moving formants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from webapp.engines.sketch.effects.synthesis.dsp import (
    Rng,
    Signal,
    noise,
    pulses,
    sine,
    to_rms,
    turns,
    wander,
)
from webapp.engines.sketch.effects.synthesis.spectral import shape

# (values of the frequency, evenly over the time, in Hz; width in Hz)
Formant: TypeAlias = tuple[Sequence[float], float]

_TILT_HZ = 2500.0  # a voice is darker than its poles alone make it


@dataclass(frozen=True, slots=True)
class Glottis:
    """A voice's source, before the throat shapes it."""

    brightness: float = 0.8  # strength of each harmonic beside the one below it
    breath: float = 0.08  # noise beside the tone
    jitter: float = 0.01  # wavering of the pitch
    rough: float = 0.0  # how much the folds beat irregularly
    rough_hz: float = 60.0


def voiced(rng: Rng, hz: Signal, glottis: Glottis) -> Signal:
    """Make the tone of a throat along a pitch curve; effective value 1."""
    count = hz.size
    pitch = hz * (1 + glottis.jitter * (wander(rng, count, 25.0) + 0.5 * wander(rng, count, 7.0)))
    if glottis.rough:
        pitch = pitch * (1 + 0.12 * glottis.rough * wander(rng, count, glottis.rough_hz))
    phase = turns(pitch, rng.uniform())
    tone = pulses(phase, glottis.brightness)
    if glottis.rough:
        half = 0.5 + 0.5 * np.cos(phase / 2)
        beats = np.clip(0.6 + 0.6 * wander(rng, count, glottis.rough_hz * 1.3), 0, 2)
        tone = tone * (1 - glottis.rough + glottis.rough * half * beats)
    breath = noise(rng, count)
    if glottis.breath:
        breath = breath * (0.5 + 0.5 * np.clip(np.sin(phase), 0, 1))
    return to_rms(tone) * (1 - glottis.breath) + glottis.breath * breath


def through_throat(source: Signal, formants: Sequence[Formant]) -> Signal:
    """Shape a source by the formants of a tube, which move over its length.

    They follow each other as poles, as in a real throat: each takes 12 dB an octave from what lies above it.
    """

    def envelope(share: Signal, frequencies: Signal) -> Signal:
        total = np.ones((share.shape[0], frequencies.size))
        for values, width_hz in formants:
            places = np.linspace(0, 1, len(values))
            centre = np.interp(share[:, 0], places, values)[:, None]
            ratio = (frequencies / centre) ** 2
            total /= np.sqrt((1 - ratio) ** 2 + ratio * (width_hz / centre) ** 2)
        tilt = np.sqrt(1 + (frequencies / _TILT_HZ) ** 2) * (1 + (60 / np.maximum(frequencies, 1)) ** 2)
        return np.asarray(total / tilt)

    return shape(source, envelope)


def vibrato(count: int, hz: float, depth: float, start: float = 0.0) -> Signal:
    """Give a factor for a pitch curve that trembles."""
    return 1 + depth * sine(hz, count, start)
