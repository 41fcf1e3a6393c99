"""A didgeridoo: lips buzz into a long tube, and the mouth behind them moves like that of a speaker."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.synthesis import (
    SAMPLE_RATE,
    FloatArray,
    band_gain,
    envelope,
    noise_frequencies_hz,
    shaped_noise,
)
from webapp.engines.sketch.music.theory import frequency_hz

_HOP: Final = 128
_HIGHEST_HZ: Final = 4200.0
# Where the two formants of the mouth are at the beginning, in the middle and at the end of a note, in hertz.
_VOWELS: Final = (
    ((420, 950), (620, 1750), (430, 1150)),
    ((380, 1900), (560, 1300), (400, 800)),
    ((400, 800), (700, 1250), (380, 2100)),
    ((520, 1400), (450, 2200), (520, 1000)),
)
_BANDS_HZ: Final = (150.0, 190.0)
# The tube answers near the odd multiples of its own note.
_TUBE: Final = ((1.0, 1.0), (2.75, 0.7), (4.5, 0.55), (6.4, 0.4))


@dataclass(frozen=True, slots=True)
class Buzzed:
    """Lips in a tube."""

    attack_s: float = 0.05
    release_s: float = 0.12
    breath: float = 0.05
    range: tuple[int, int] = (33, 43)


def buzzed(
    tone: Buzzed, pitch: int, duration_s: float, brightness: float, rng: np.random.Generator
) -> Samples:
    """One note of shape (1, frames), in which the mouth says one syllable."""
    held = round(duration_s * SAMPLE_RATE)
    frames = held + round(tone.release_s * SAMPLE_RATE)
    base_hz = frequency_hz(pitch)
    places = np.arange(0, frames + _HOP, _HOP)
    share = np.minimum(1.0, places / max(1, held))
    drift = np.interp(share, np.linspace(0, 1, 7), rng.normal(0, 0.004, 7))
    pitch_hz = base_hz * (1 + drift + 0.012 * np.exp(-places / (0.03 * SAMPLE_RATE)))
    phase = 2 * np.pi * np.cumsum(np.interp(np.arange(frames), places, pitch_hz)) / SAMPLE_RATE
    vowel = np.array(_VOWELS[int(rng.integers(len(_VOWELS)))], dtype=np.float64)
    formants = [np.interp(share, (0.0, 0.45, 1.0), vowel[:, which]) for which in (0, 1)]
    sound = np.zeros(frames, np.float32)
    time = np.arange(frames)
    for k in range(1, int(_HIGHEST_HZ / base_hz) + 1):
        gain = _lips(k, brightness) * _mouth(k * pitch_hz, formants)
        sound += (np.interp(time, places, gain) * np.sin(k * phase)).astype(np.float32)
    sound /= np.float32(sound.std() + 1e-6)
    frequencies = noise_frequencies_hz(frames)
    (air,) = shaped_noise(rng, 1, frames, [band_gain(frequencies, 500, 2500, 1.0)])
    sound += np.float32(tone.breath) * air[0] / np.float32(air.std() + 1e-9)
    return (sound * envelope(frames, tone.attack_s, tone.release_s, held))[None]


def _lips(k: int, brightness: float) -> float:
    tube = sum(weight * np.exp(-((k - place) ** 2) / 0.5) for place, weight in _TUBE)
    return float((0.35 + tube) * k ** -(1.15 - 0.5 * brightness))


def _mouth(frequency: FloatArray, formants: list[FloatArray]) -> FloatArray:
    gain = np.full_like(frequency, 0.22)
    for centre, width, weight in zip(formants, _BANDS_HZ, (1.6, 2.6), strict=True):
        gain += weight / (1 + ((frequency - centre) / width) ** 2)
    return gain
