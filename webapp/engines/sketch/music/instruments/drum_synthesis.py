"""Drums without samples: each piece from noise and swept sines."""

from collections.abc import Callable, Sequence
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

Mode = tuple[float, float, float]


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


def _rung(rng: np.random.Generator, seconds: float, modes: Sequence[Mode], bend: float = 0.0) -> Samples:
    """A tuned skin: modes as hertz, weight and decay. A hand then raises its pitch by a share, ``bend``."""
    t = times_s(seconds)
    stretched = t * (1 + 0.03 * float(rng.uniform(-0.5, 0.5) if bend else 0.0))
    stretched = stretched + np.float32(bend) * (stretched - (1 - decay(stretched, 0.16)) * np.float32(0.16))
    sound = np.zeros_like(t)
    for hertz, weight, decay_s in modes:
        turned: Samples = np.sin(np.float32(2 * np.pi * hertz) * stretched, dtype=np.float32)
        sound += np.float32(weight) * turned * decay(t, decay_s)
    return sound


# The paste on a tabla's skin brings its modes to whole multiples; a finger at the rim damps the first.
_DAYAN_HZ: Final = 277.0
_BAYAN_HZ: Final = 84.0


def _dayan(rng: np.random.Generator, modes: Sequence[Mode], knock: float) -> Samples:
    tuned = [(ratio * _DAYAN_HZ, weight, decay_s) for ratio, weight, decay_s in modes]
    sound = _rung(rng, 0.9, tuned)
    return sound + np.float32(knock) * _noise(rng, sound.size, 1200, 5000) * decay(times_s(0.9), 0.006)


def _tabla_na(rng: np.random.Generator) -> Samples:
    return _dayan(
        rng, ((1, 0.15, 0.06), (2, 0.9, 0.28), (3, 1.0, 0.2), (4, 0.3, 0.1), (5.1, 0.25, 0.07)), 0.35
    )


def _tabla_tin(rng: np.random.Generator) -> Samples:
    return _dayan(rng, ((1, 1.0, 0.3), (2, 0.55, 0.26), (3, 0.25, 0.12), (4, 0.1, 0.06)), 0.12)


def _tabla_te(rng: np.random.Generator) -> Samples:
    return _dayan(rng, ((1, 0.3, 0.02), (2, 0.5, 0.022), (3.2, 0.4, 0.016), (5.4, 0.3, 0.012)), 0.5)


def _tabla_ge(rng: np.random.Generator) -> Samples:
    base_hz = _BAYAN_HZ * float(rng.uniform(0.95, 1.05))
    modes = ((base_hz, 1.0, 0.3), (2 * base_hz, 0.4, 0.16), (3.05 * base_hz, 0.16, 0.08))
    sound = _rung(rng, 1.0, modes, bend=float(rng.uniform(0.2, 0.55)))
    return sound + np.float32(0.1) * _noise(rng, sound.size, 300, 1500) * decay(times_s(1.0), 0.012)


def _tabla_ke(rng: np.random.Generator) -> Samples:
    t = times_s(0.12)
    slap = _noise(rng, t.size, 250, 1600) * decay(t, 0.016)
    return slap + _rung(rng, 0.12, ((2.1 * _BAYAN_HZ, 0.8, 0.018),))


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
    "tabla_na": _tabla_na,
    "tabla_tin": _tabla_tin,
    "tabla_te": _tabla_te,
    "tabla_ge": _tabla_ge,
    "tabla_ke": _tabla_ke,
}
