"""Drums without samples: each piece from noise and swept sines."""

from collections.abc import Callable
from typing import Final

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.music.instruments.synthesis import (
    band_gain,
    decay,
    noise_frequencies_hz,
    shaped_noise,
    times_s,
)


def synthesised(piece: str, seed: int, variant: int) -> Samples:
    """One stroke of shape (frames,); ``variant`` gives another one of the same kind."""
    return MAKERS[piece](np.random.default_rng([seed % 2**63, list(MAKERS).index(piece), variant]))


def _noise(rng: np.random.Generator, frames: int, low_hz: float, high_hz: float) -> Samples:
    (noise,) = shaped_noise(rng, 1, frames, [band_gain(noise_frequencies_hz(frames), low_hz, high_hz, 3)])
    even: Samples = noise[0] / np.float32(noise.std())
    return even


def _swept(time_s: Samples, start_hz: float, end_hz: float, fall_s: float) -> Samples:
    """A sine whose pitch falls from ``start_hz`` to ``end_hz``."""
    cycles = end_hz * time_s + (start_hz - end_hz) * fall_s * (1 - decay(time_s, fall_s))
    sine: Samples = np.sin(np.float32(2 * np.pi) * cycles, dtype=np.float32)
    return sine


def _kick(rng: np.random.Generator) -> Samples:
    t = times_s(0.45)
    body = _swept(t, 170 + float(rng.uniform(-5, 5)), 48, 0.035) * decay(t, 0.14)
    click = _noise(rng, t.size, 1500, 5000) * decay(t, 0.003) * 0.12
    driven: Samples = np.tanh(1.6 * body) + click
    return driven


def _snare(rng: np.random.Generator) -> Samples:
    t = times_s(0.32)
    body = (_swept(t, 260, 185, 0.02) + 0.5 * _swept(t, 420, 330, 0.02)) * decay(t, 0.06)
    return 0.6 * body + 0.42 * _noise(rng, t.size, 900, 9000) * decay(t, 0.085)


def _clap(rng: np.random.Generator) -> Samples:
    t = times_s(0.3)
    shape = decay(t, 0.11)
    for onset_s in (0.0, 0.011, 0.022):
        onset = np.float32(onset_s)
        shape += (t >= onset) * decay(np.maximum(t - onset, 0), 0.004)
    return _noise(rng, t.size, 900, 4500) * shape


def _metal(rng: np.random.Generator, duration_s: float, decay_s: float, low_hz: float) -> Samples:
    t = times_s(duration_s)
    attack = 1 - decay(t, 0.0008)
    return _noise(rng, t.size, low_hz, 14_000) * decay(t, decay_s) * attack


def _hat(rng: np.random.Generator) -> Samples:
    return _metal(rng, 0.12, 0.024, 6500)


def _open_hat(rng: np.random.Generator) -> Samples:
    return _metal(rng, 0.4, 0.11, 6000)


def _ride(rng: np.random.Generator) -> Samples:
    t = times_s(0.9)
    return _metal(rng, 0.9, 0.3, 5000) + 0.9 * _swept(t, 3150, 3150, 0.1) * decay(t, 0.05)


def _crash(rng: np.random.Generator) -> Samples:
    return _metal(rng, 2.0, 0.6, 3000)


def _shaker(rng: np.random.Generator) -> Samples:
    t = times_s(0.12)
    swell: Samples = np.sin(np.pi * t / 0.12, dtype=np.float32) ** 2
    return _noise(rng, t.size, 4500, 11_000) * swell


def _rim(rng: np.random.Generator) -> Samples:
    t = times_s(0.08)
    return (_swept(t, 1800, 1650, 0.01) + 0.3 * _noise(rng, t.size, 1500, 6000)) * decay(t, 0.012)


def _tom(rng: np.random.Generator) -> Samples:
    t = times_s(0.6)
    pitch_hz = float(rng.uniform(85, 120))
    body = _swept(t, pitch_hz * 1.5, pitch_hz, 0.05) * decay(t, 0.17)
    return body + 0.06 * _noise(rng, t.size, 300, 3000) * decay(t, 0.02)


MAKERS: Final[dict[str, Callable[[np.random.Generator], Samples]]] = {
    "kick": _kick,
    "snare": _snare,
    "clap": _clap,
    "hat": _hat,
    "open hat": _open_hat,
    "ride": _ride,
    "crash": _crash,
    "shaker": _shaker,
    "rim": _rim,
    "tom": _tom,
}
