"""Building blocks shared by instruments, drums and textures: partials, noise, envelopes."""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

from webapp.audio.waveform import Samples
from webapp.engines.sketch.modes import damped_sines

SAMPLE_RATE = 44_100
FloatArray = npt.NDArray[np.float64]


def damped_partials(
    frequencies_hz: FloatArray,
    decays_per_s: FloatArray,
    amplitudes: FloatArray,
    phases: FloatArray,
    frames: int,
) -> Samples:
    """Return the sum of exponentially damped sines, shape (frames,).

    Partials above 45 % of the sample rate are left out.
    """
    audible = frequencies_hz < 0.45 * SAMPLE_RATE
    rate = (2j * np.pi * frequencies_hz[audible] - decays_per_s[audible]) / SAMPLE_RATE
    start = amplitudes[audible] * np.exp(1j * phases[audible])
    return damped_sines(start, rate, frames, np.float32)


def warped_harmonics(phase: FloatArray, amplitudes: FloatArray) -> Samples:
    """Harmonics 1, 2, … of one moving ``phase`` in radians, by the recurrence of the sine.

    sin((k+1)x) = 2 cos(x) sin(kx) - sin((k-1)x), so that vibrato costs one sine and one cosine.
    """
    reduced = np.remainder(phase, 2 * np.pi).astype(np.float32)
    twice_cosine = 2 * np.cos(reduced)
    previous, current = np.zeros_like(reduced), np.sin(reduced)
    total = current * np.float32(amplitudes[0])
    for amplitude in amplitudes[1:].astype(np.float32):
        previous, current = current, twice_cosine * current - previous
        total += amplitude * current
    return total


def envelope(frames: int, attack_s: float, release_s: float, release_from: int) -> Samples:
    """Rises over ``attack_s``, holds, and falls from frame ``release_from`` over ``release_s``."""
    shape = np.ones(frames, np.float32)
    attack = min(frames, max(1, round(attack_s * SAMPLE_RATE)))
    shape[:attack] = np.sin(np.linspace(0, np.pi / 2, attack, dtype=np.float32)) ** 2
    release = frames - release_from
    if release > 0:
        fall = np.linspace(0, 1, release, dtype=np.float32)
        curve = np.exp(-5 * fall * (release / SAMPLE_RATE) / max(release_s, 1e-3))
        shape[release_from:] *= curve * (1 - fall**4)
    return shape


def shaped_noise(
    rng: np.random.Generator, channels: int, frames: int, gains: list[FloatArray]
) -> list[Samples]:
    """One noise through several filters; each answer has shape (channels, frames).

    ``gains`` are amplitude curves over the frequencies of :func:`noise_frequencies_hz`.
    """
    size = next_fast_len(frames, real=True)
    spectrum = rfft(rng.standard_normal((channels, size), np.float32))
    return [irfft(spectrum * gain.astype(np.float32), size)[:, :frames] for gain in gains]


def noise_frequencies_hz(frames: int) -> FloatArray:
    """The frequencies at which :func:`shaped_noise` wants its gains."""
    size = next_fast_len(frames, real=True)
    frequencies: FloatArray = np.arange(size // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / size)
    return frequencies


def band_gain(frequencies_hz: FloatArray, low_hz: float, high_hz: float, slope: float = 2.0) -> FloatArray:
    """A band from ``low_hz`` to ``high_hz`` that falls off as the power ``slope`` of the distance."""
    safe = np.maximum(frequencies_hz, 1e-3)
    gain: FloatArray = 1 / np.sqrt(
        (1 + (low_hz / safe) ** (2 * slope)) * (1 + (safe / high_hz) ** (2 * slope))
    )
    return gain


def decay(time_s: Samples, time_constant_s: float) -> Samples:
    """Exponential decay from 1 at time 0."""
    shape: Samples = np.exp(time_s * np.float32(-1 / time_constant_s))
    return shape


def times_s(duration_s: float) -> Samples:
    """The time of every frame of a sound of ``duration_s``."""
    return np.arange(round(duration_s * SAMPLE_RATE), dtype=np.float32) / np.float32(SAMPLE_RATE)


def panned(mono: Samples, position: float) -> Samples:
    """Two channels of equal total power; ``position`` from -1 (left) to 1 (right)."""
    angle = (position + 1) * np.pi / 4
    return mono * np.array([[np.cos(angle)], [np.sin(angle)]], np.float32)
