"""Voices of animals and people: a glottis with its faults, and a throat with moving formants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from webapp.engines.sketch.effects.dsp import Rng, Signal, noise, pulses, sine, to_rms, turns, wander
from webapp.engines.sketch.effects.spectral import resonance, shape

# (values of the frequency, evenly over the time, in Hz; width in Hz; level in dB)
Formant: TypeAlias = tuple[Sequence[float], float, float]


@dataclass(frozen=True, slots=True)
class Glottis:
    """How a voice is made before the throat shapes it."""

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


def through_throat(source: Signal, formants: Sequence[Formant], floor_db: float = -34.0) -> Signal:
    """Shape a source by formants that move over its length."""

    def envelope(share: Signal, frequencies: Signal) -> Signal:
        total = np.full((share.shape[0], frequencies.size), 10 ** (floor_db / 20))
        for values, width_hz, level_db in formants:
            places = np.linspace(0, 1, len(values))
            centre = np.interp(share[:, 0], places, values)[:, None]
            total += 10 ** (level_db / 20) * resonance(frequencies, centre, width_hz)
        return total * (1 / (1 + (60 / np.maximum(frequencies, 1)) ** 2))

    return shape(source, envelope)


def vibrato(count: int, hz: float, depth: float, start: float = 0.0) -> Signal:
    """Give a factor for a pitch curve that trembles."""
    return 1 + depth * sine(hz, count, start)
