"""Drum patterns on a grid of sixteenths, and the synthesised pieces of the kit."""

from collections.abc import Callable, Iterator

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.plan import DrumPart
from webapp.engines.sketch.synthesis import (
    band_gain,
    decay,
    noise_frequencies_hz,
    panned,
    shaped_noise,
    times_s,
)

# Sixteen steps a bar; "x" is a stroke, "X" an accent, "o" a ghost note.
PATTERNS: dict[str, dict[str, str]] = {
    "techno": {
        "kick": "X...X...X...X...",
        "open hat": "..x...x...x...x.",
        "hat": "x.o.x.o.x.o.x.oo",
        "clap": "....x.......x...",
    },
    "house": {
        "kick": "X...X...X...X...",
        "open hat": "..x...x...x...x.",
        "clap": "....X.......X...",
        "shaker": "o.x.o.x.o.x.o.x.",
    },
    "breakbeat": {"kick": "X.........x.....", "snare": "....X..o.o..X...", "hat": "x.x.x.x.x.x.x.x."},
    "halftime": {"kick": "X.....x....x....", "snare": "........X.......", "hat": "x.x.x.x.x.x.x.xx"},
    "hip hop": {"kick": "X......x..x.....", "snare": "....X.......X..o", "hat": "x.x.x.x.x.x.x.x."},
    "lofi": {"kick": "X......x..x.....", "snare": "....x.......x...", "hat": "x.o.x.o.x.o.x.o."},
    "trap": {"kick": "X.....x...x.....", "clap": "........X.......", "hat": "x.x.x.xxx.x.xxxx"},
    "rock": {"kick": "X.......X.x.....", "snare": "....X.......X...", "hat": "X.x.X.x.X.x.X.x."},
    "metal": {"kick": "XxXxXxXxXxXxXxXx", "snare": "....X.......X...", "ride": "X...X...X...X..."},
    "funk": {"kick": "X..x......x..x..", "snare": "....X..o.o..X..o", "hat": "XxxxXxxxXxxxXxxx"},
    "reggae": {"kick": "........X.......", "snare": "........x.......", "hat": "..x...x...x...x."},
    "jazz": {"ride": "X...X.x.X...X.x.", "hat": "....x.......x...", "kick": "o.......o......."},
    "bossa": {"kick": "X..xX..xX..xX..x", "rim": "x..x..x...x..x..", "shaker": "x.o.x.o.x.o.x.o."},
    "march": {"kick": "X.......X.......", "snare": "x.xxX.xxx.xxX.xx"},
    "cinematic": {"tom": "X.....x.X...x.x.", "kick": "X...............", "crash": "................"},
}
_WALTZ = {"kick": "X...........", "snare": "....x...x...", "hat": "x...x...x..."}
# What a piece plays when the prompt asks for it and for no kit around it.
_LONE_PIECES = {
    "kick": "X...X...X...X...",
    "snare": "X...x.o.X...x.oo",
    "clap": "X...X...X...X...",
    "hat": "X.x.x.x.X.x.x.x.",
    "open hat": "..x...x...x...x.",
    "ride": "X...X.x.X...X.x.",
    "crash": "X...............",
    "shaker": "x.o.x.o.x.o.x.o.",
    "tom": "X..x..x.X..x.x..",
    "rim": "x..x..x...x..x..",
}
_VELOCITIES = {"X": 1.0, "x": 0.72, "o": 0.38}
_FILL = ("snare", "snare", "tom", "tom")
_BARS_BETWEEN_FILLS = 8
KIT_VARIANTS = 3
_END_FADE_FRAMES = 160

_PAN = {"hat": 0.25, "open hat": 0.28, "ride": -0.3, "shaker": -0.35, "tom": -0.15, "rim": 0.2, "crash": 0.1}


def bar_hits(
    part: DrumPart, beats_per_bar: int, bar: int, closing: bool, rng: np.random.Generator
) -> Iterator[tuple[float, str, float]]:
    """Strokes of one bar as (beat in the bar, piece, velocity); every eighth bar ends in a fill."""
    lanes = _lanes(part, beats_per_bar)
    if closing:
        for piece in (*(p for p in ("kick", "tom") if p in lanes), *(() if part.pieces else ("crash",))):
            yield 0.0, piece, 0.9
        return
    fill = bar % _BARS_BETWEEN_FILLS == _BARS_BETWEEN_FILLS - 1 and not part.pieces and "snare" in lanes
    fill_start = beats_per_bar - 1.0
    for piece, steps in lanes.items():
        for index, mark in enumerate(steps):
            beat = index / 4
            if mark in _VELOCITIES and not (fill and beat >= fill_start and piece != "kick"):
                yield beat, piece, _VELOCITIES[mark]
    if fill:
        for index, piece in enumerate(_FILL):
            if rng.random() < 0.85:
                yield fill_start + index / 4, piece, 0.55 + 0.12 * index


def _lanes(part: DrumPart, beats_per_bar: int) -> dict[str, str]:
    lanes = _WALTZ if beats_per_bar == 3 else PATTERNS[part.pattern]
    if part.pieces:
        lanes = {piece: _LONE_PIECES[piece] for piece in part.pieces}
    return {piece: steps[: beats_per_bar * 4] for piece, steps in lanes.items()}


class DrumKit:
    """Renders each piece a few times and keeps the variants; ``seed`` decides their noise."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: dict[tuple[str, int], Samples] = {}

    def hit(self, piece: str, variant: int) -> Samples:
        """One stroke of shape (2, frames) at about unit peak."""
        key = (piece, variant % KIT_VARIANTS)
        if key not in self._kept:
            rng = np.random.default_rng([self._seed, list(_MAKERS).index(piece), key[1]])
            mono = _MAKERS[piece](rng)
            mono *= np.float32(_LEVELS.get(piece, 1.0) / np.abs(mono).max())
            mono[-_END_FADE_FRAMES:] *= np.linspace(1, 0, _END_FADE_FRAMES, dtype=np.float32)
            self._kept[key] = panned(mono, _PAN.get(piece, 0.0))
        return self._kept[key]


_LEVELS = {
    "hat": 0.22,
    "open hat": 0.26,
    "ride": 0.22,
    "shaker": 0.16,
    "snare": 0.6,
    "clap": 0.5,
    "crash": 0.4,
    "rim": 0.35,
    "tom": 0.75,
}


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


_MAKERS: dict[str, Callable[[np.random.Generator], Samples]] = {
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
