"""Short sounds that textures scatter: drops, crackles, thunder, calls. Each returns shape (frames,)."""

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.synthesis import (
    SAMPLE_RATE,
    FloatArray,
    band_gain,
    damped_partials,
    decay,
    noise_frequencies_hz,
    shaped_noise,
    times_s,
)


def drop(rng: np.random.Generator) -> Samples:
    """A drop on a surface: a few milliseconds of noise, brighter or duller, never a tone."""
    t = times_s(rng.uniform(0.004, 0.02))
    width = int(rng.integers(1, 6))
    kernel = np.full(width, 1 / np.sqrt(width), np.float32)
    noise = np.convolve(rng.standard_normal(t.size, np.float32), kernel, mode="same")
    return noise * decay(t, t.size / SAMPLE_RATE / 5)


def crackle(rng: np.random.Generator) -> Samples:
    """A snap of burning wood or of dust on a record."""
    t = times_s(rng.uniform(0.002, 0.03))
    return rng.standard_normal(t.size, np.float32) * decay(t, t.size / SAMPLE_RATE / 6)


def thunder(rng: np.random.Generator) -> Samples:
    """A crack, then several rolls of rumbling that die away; 4 to 6.5 s."""
    t = times_s(rng.uniform(4.0, 6.5))
    frequencies = noise_frequencies_hz(t.size)
    bands = [band_gain(frequencies, 25, 110, 1.5), band_gain(frequencies, 80, 900, 1.2)]
    rumble, crack = (noise[0] / noise.std() for noise in shaped_noise(rng, 1, t.size, bands))
    rolling = 0.8 * decay(t, 1.6)
    for centre_s in rng.uniform(0.3, 3.5, 5).astype(np.float32):
        rolling += np.float32(rng.uniform(0.4, 1)) * np.exp(-(((t - centre_s) / np.float32(0.5)) ** 2))
    rolling *= np.minimum(1, t / np.float32(0.04)) * np.minimum(1, t[-1] - t)
    snap = decay(t, 0.35) * np.minimum(1, t / np.float32(0.01))
    mixed: Samples = rumble * rolling + np.float32(0.6) * crack * snap
    return mixed / np.float32(np.abs(mixed).max())


def chirp(rng: np.random.Generator) -> Samples:
    """A bird's call: two to six gliding whistles."""
    base_hz, notes = rng.uniform(2300, 5200), int(rng.integers(2, 7))
    glide, t = rng.uniform(-0.35, 0.35), times_s(rng.uniform(0.05, 0.14))
    share = t / t[-1]
    swell = np.sin(np.float32(np.pi) * share).clip(0) ** np.float32(1.5)
    pieces: list[Samples] = []
    for _ in range(notes):
        hz = base_hz * rng.uniform(0.92, 1.08) * (1 + glide * share + 0.03 * np.sin(6 * np.pi * share))
        whistle = np.sin(2 * np.pi * np.cumsum(hz.astype(np.float64)) / SAMPLE_RATE).astype(np.float32)
        pieces += [whistle * swell, np.zeros(int(rng.uniform(0.02, 0.08) * SAMPLE_RATE), np.float32)]
    return np.concatenate(pieces)


def bubble(rng: np.random.Generator) -> Samples:
    """One gurgle of running water."""
    hz, per_s = rng.uniform(500, 2200), rng.uniform(40, 90)
    pair: FloatArray = np.array([hz, hz * 1.02])
    return damped_partials(pair, np.full(2, per_s), np.array([0.6, 0.4]), np.zeros(2), SAMPLE_RATE // 12)


def cricket(rng: np.random.Generator) -> Samples:
    """A short trill of a few pulses."""
    hz, pulses = rng.uniform(3900, 4700), int(rng.integers(3, 6))
    t = times_s(0.022)
    pulse: Samples = np.sin(np.float32(2 * np.pi * hz) * t) * np.sin(np.pi * t / t[-1]) ** 2
    pause = np.zeros(int(0.016 * SAMPLE_RATE), np.float32)
    return np.tile(np.concatenate((pulse.astype(np.float32), pause)), pulses)
