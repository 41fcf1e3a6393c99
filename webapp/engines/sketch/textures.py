"""Background sounds: shaped noise that moves slowly, and events scattered over it.

A texture is rendered in chunks of some seconds with its own noise; neighbouring chunks are
crossfaded at equal power. Slow movement is a curve over the whole sound, so that it passes the seams.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from webapp.audio.waveform import Samples
from webapp.engines.sketch.plan import TextureLayer
from webapp.engines.sketch.synthesis import (
    SAMPLE_RATE,
    FloatArray,
    band_gain,
    noise_frequencies_hz,
    panned,
    shaped_noise,
)
from webapp.engines.sketch.texture_sounds import bubble, chirp, crackle, cricket, drop, thunder

CHUNK_FRAMES = 8 * SAMPLE_RATE
OVERLAP_FRAMES = SAMPLE_RATE // 4
_CURVE_RATE = 50


@dataclass(frozen=True, slots=True)
class Band:
    """One band of noise; ``movement`` 0 to 1 is how far a slow curve swells it, ``period_s`` how slowly."""

    low_hz: float
    high_hz: float
    level: float
    slope: float = 1.5
    movement: float = 0.0
    period_s: float = 4.0


@dataclass(frozen=True, slots=True)
class Events:
    """Short sounds at random times: ``per_s`` of them, each made by ``maker``."""

    per_s: float
    maker: Callable[[np.random.Generator], Samples]
    level: float
    kinds: int = 12


@dataclass(frozen=True, slots=True)
class Texture:
    bands: tuple[Band, ...]
    events: tuple[Events, ...] = ()


def texture_of(layer: TextureLayer) -> Texture:
    """The recipe for a layer, with its intensity worked in and far sounds dulled."""
    recipe = _RECIPES[layer.texture](layer.intensity)
    if not layer.distant:
        return recipe
    bands = tuple(
        Band(band.low_hz, min(band.high_hz, 1800.0), band.level, band.slope, band.movement, band.period_s)
        for band in recipe.bands
    )
    return Texture(bands, tuple(Events(e.per_s, e.maker, e.level * 0.5, e.kinds) for e in recipe.events))


def chunk_count(frames: int) -> int:
    return -(-frames // CHUNK_FRAMES)


def add_texture(sound: Samples, layer: TextureLayer, seed: int) -> Iterator[None]:
    """Add a layer to ``sound`` of shape (2, frames); yields after each of :func:`chunk_count` chunks."""
    recipe = texture_of(layer)
    frames = sound.shape[1]
    curves = [
        _movement(band, frames, np.random.default_rng([seed, 1, i])) for i, band in enumerate(recipe.bands)
    ]
    placed = [_Scattered(events, frames, (seed, 2, i)) for i, events in enumerate(recipe.events)]
    for index in range(chunk_count(frames)):
        start = index * CHUNK_FRAMES
        _add_bed(sound, recipe.bands, curves, start, np.random.default_rng([seed, 0, index]))
        for scattered in placed:
            scattered.add(sound, start, min(frames, start + CHUNK_FRAMES))
        yield


def _add_bed(
    sound: Samples, bands: tuple[Band, ...], curves: list[FloatArray], start: int, rng: np.random.Generator
) -> None:
    if not bands:
        return
    end = min(sound.shape[1], start + CHUNK_FRAMES + OVERLAP_FRAMES)
    frequencies = noise_frequencies_hz(CHUNK_FRAMES + OVERLAP_FRAMES)
    gains = [_unit_gain(band, frequencies) for band in bands]
    noises = shaped_noise(rng, 2, CHUNK_FRAMES + OVERLAP_FRAMES, gains)
    positions = np.arange(start, end) * (_CURVE_RATE / SAMPLE_RATE)
    bed = np.zeros((2, end - start), np.float32)
    for noise, curve in zip(noises, curves, strict=True):
        if curve.size == 1:
            bed += noise[:, : end - start] * np.float32(curve[0])
        else:
            bed += noise[:, : end - start] * np.interp(positions, np.arange(curve.size), curve).astype(
                np.float32
            )
    _fade_seams(bed, first=start == 0, last=end == sound.shape[1])
    sound[:, start:end] += bed


def _fade_seams(bed: Samples, *, first: bool, last: bool) -> None:
    ramp = np.sin(np.linspace(0, np.pi / 2, OVERLAP_FRAMES, dtype=np.float32))
    if not first:
        frames = min(OVERLAP_FRAMES, bed.shape[1])
        bed[:, :frames] *= ramp[:frames]
    if not last:
        bed[:, -OVERLAP_FRAMES:] *= ramp[::-1]


def _unit_gain(band: Band, frequencies_hz: FloatArray) -> FloatArray:
    """The band's filter, scaled so that white noise through it comes out at its level."""
    gain = band_gain(frequencies_hz, band.low_hz, band.high_hz, band.slope)
    gain[0] = 0.0
    scaled: FloatArray = gain * (band.level / np.sqrt(np.mean(gain**2)))
    return scaled


def _movement(band: Band, frames: int, rng: np.random.Generator) -> FloatArray:
    """A smooth random curve around 1 at ``_CURVE_RATE`` points a second; a single 1 when still."""
    if not band.movement:
        return np.ones(1)
    points = int(frames / SAMPLE_RATE * _CURVE_RATE) + 2
    knots = int(points / _CURVE_RATE / band.period_s * 2) + 3
    heights = rng.uniform(-1, 1, knots)
    heights[1::2] = np.abs(heights[1::2])
    heights[::2] = -np.abs(heights[::2])
    at = np.linspace(0, knots - 1, points)
    left = np.minimum(at.astype(int), knots - 2)
    blend = 0.5 - 0.5 * np.cos(np.pi * (at - left))
    curve: FloatArray = heights[left] * (1 - blend) + heights[left + 1] * blend
    return np.exp(1.6 * band.movement * curve)


class _Scattered:
    """Random times for one kind of event, and a small stock of its sounds to draw from."""

    def __init__(self, events: Events, frames: int, seed: Sequence[int]) -> None:
        self._events = events
        self._seed = seed
        self._stock: dict[int, Samples] = {}
        rng = np.random.default_rng(seed)
        duration_s = frames / SAMPLE_RATE
        # A sound that is only its events must have one near its start, however short it is.
        count = max(1, rng.poisson(events.per_s * duration_s))
        starts = rng.uniform(0, duration_s, count)
        starts[0] = rng.uniform(0.0, min(0.3, duration_s / 4))
        self._starts = np.sort(starts * SAMPLE_RATE).astype(int)
        self._kinds = rng.integers(events.kinds, size=count)
        self._pans = rng.uniform(-0.8, 0.8, count)
        self._levels = events.level * rng.uniform(0.35, 1.0, count) ** 1.5

    def add(self, sound: Samples, start: int, end: int) -> None:
        """Add the events that begin from frame ``start`` up to ``end``."""
        first, last = np.searchsorted(self._starts, (start, end))
        for i in range(first, last):
            event = panned(self._sound(int(self._kinds[i])), self._pans[i]) * np.float32(self._levels[i])
            at = self._starts[i]
            room = min(event.shape[1], sound.shape[1] - at)
            sound[:, at : at + room] += event[:, :room]

    def _sound(self, kind: int) -> Samples:
        if kind not in self._stock:
            self._stock[kind] = self._events.maker(np.random.default_rng([*self._seed, kind]))
        return self._stock[kind]


def _rain(x: float) -> Texture:
    bands = (
        Band(700, 3000 + 800 * x, 0.3 + 0.5 * x, 0.9, 0.15, 5),
        Band(3000, 8500, 0.16 + 0.2 * x, 1.3, 0.15, 4),
        Band(90, 420, 0.55 * x * x, 1.0, 0.25, 7),
    )
    return Texture(bands, (Events(25 + 130 * x, drop, 1.6, 24),))


def _wind(x: float) -> Texture:
    return Texture(
        (
            Band(60, 240 + 160 * x, 0.7, 1.4, 0.5, 7),
            Band(300, 600 + 500 * x, 0.4 + 0.3 * x, 1.6, 0.75, 4.5),
            Band(900, 1600, 0.12 + 0.25 * x, 2.2, 1.0, 3.2),
        )
    )


def _sea(x: float) -> Texture:
    return Texture(
        (
            Band(50, 300, 0.55, 1.2, 0.5, 9),
            Band(250, 1500, 0.4 + 0.3 * x, 1.0, 0.85, 8),
            Band(1500, 8000, 0.22 + 0.2 * x, 1.0, 1.1, 8),
        )
    )


def _fire(x: float) -> Texture:
    return Texture(
        (Band(60, 350, 0.5, 1.2, 0.3, 1.2), Band(900, 5000, 0.1, 1.0, 0.3, 0.8)),
        (Events(6 + 18 * x, crackle, 1.6, 24),),
    )


def _birds(x: float) -> Texture:
    return Texture((Band(300, 2500, 0.03, 0.8, 0.3, 5),), (Events(0.7 + 1.6 * x, chirp, 0.8, 10),))


def _stream(x: float) -> Texture:
    return Texture(
        (Band(350, 1600, 0.4 + 0.3 * x, 1.0, 0.15, 1.5), Band(1600, 7000, 0.25 + 0.25 * x, 1.0, 0.15, 1.1)),
        (Events(12, bubble, 0.5, 24),),
    )


def _crickets(x: float) -> Texture:
    return Texture((Band(200, 1200, 0.03, 1.0, 0.2, 5),), (Events(3 + 5 * x, cricket, 0.5, 8),))


_RECIPES: dict[str, Callable[[float], Texture]] = {
    "rain": _rain,
    "wind": _wind,
    "sea": _sea,
    "fire": _fire,
    "birds": _birds,
    "stream": _stream,
    "crickets": _crickets,
    "thunder": lambda x: Texture(
        (Band(30, 120, 0.03, 1.0, 0.4, 6),), (Events(0.08 + 0.12 * x, thunder, 1.0, 4),)
    ),
    "white noise": lambda _: Texture((Band(20, 15_900, 0.5, 3.0),)),
    "pink noise": lambda _: Texture((Band(30, 35, 0.5, 0.5),)),
    "brown noise": lambda _: Texture((Band(30, 35, 0.5, 1.0),)),
    "vinyl": lambda x: Texture((Band(50, 6000, 0.06, 0.8),), (Events(5 + 8 * x, crackle, 0.5, 16),)),
}
