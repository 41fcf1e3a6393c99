"""Parts of endless sounds that keep their state from block to block."""

from collections.abc import Sequence

import numpy as np
from scipy.signal import sosfilt

from webapp.engines.sketch.effects.synthesis.dsp import SAMPLE_RATE, Band, Rng, Signal, sections


class Filter:
    """A Butterworth filter that goes on where it stopped."""

    def __init__(self, kind: Band, *edges_hz: float, order: int = 2, channels: int = 2) -> None:
        self._sections = sections(kind, order, *(round(edge, 1) for edge in edges_hz))
        self._state = np.zeros((self._sections.shape[0], channels, 2))

    def __call__(self, signal: Signal) -> Signal:
        filtered, self._state = sosfilt(self._sections, signal, zi=self._state)
        return np.asarray(filtered)


class Wander:
    """A smooth random curve that turns ``hz`` times a second; its effective value is near 1."""

    def __init__(self, rng: Rng, hz: float) -> None:
        self._rng, self._hz, self._at = rng, hz, 0
        self._values = rng.standard_normal(8) * 1.3
        self._first = 0

    def at(self, moment_s: Signal) -> Signal:
        """Give the curve at times that never lie before those asked for earlier by more than a second."""
        place = moment_s * self._hz
        last = int(place.max()) + 2
        while self._values.size <= last:
            self._values = np.concatenate((self._values, self._rng.standard_normal(self._values.size) * 1.3))
        index = place.astype(np.int64)
        share = place - index
        share = share * share * (3 - 2 * share)
        return np.asarray(self._values[index] * (1 - share) + self._values[index + 1] * share)

    def __call__(self, count: int) -> Signal:
        curve = self.at((self._at + np.arange(count)) / SAMPLE_RATE)
        self._at += count
        return curve


class Phase:
    """Adds up a frequency curve to a phase in radians, from block to block."""

    def __init__(self, start: float = 0.0) -> None:
        self._turns = start

    def __call__(self, hz: Signal) -> Signal:
        total = self._turns + np.cumsum(hz) / SAMPLE_RATE
        self._turns = float(total[-1]) % 1.0 if hz.size else self._turns
        return np.asarray(2 * np.pi * total)


class TurnCounter:
    """Finds where a frequency curve completes its turns: the places of engine strokes or blades."""

    def __init__(self) -> None:
        self._turns = 0.0

    def __call__(self, hz: Signal) -> Signal:
        total = self._turns + np.cumsum(hz) / SAMPLE_RATE
        whole = np.floor(total)
        before = np.concatenate(([np.floor(self._turns)], whole[:-1]))
        self._turns = float(total[-1])
        return np.flatnonzero(whole > before).astype(np.float64)


class Grains:
    """A stereo buffer into which short sounds are scattered, and from which blocks are taken."""

    def __init__(self) -> None:
        self._buffer = np.zeros((2, 0))

    def scatter(self, starts: Signal, grains: Signal, levels: Signal, pans: Signal) -> None:
        """Add rows of ``grains`` at frames ``starts``, with a level and a pan from -1 to 1 each."""
        if not starts.size:
            return
        length = grains.shape[1]
        at = starts.astype(np.int64)
        self._reach(int(at.max()) + length)
        places = (at[:, None] + np.arange(length)).reshape(-1)
        angle = (pans + 1) * (np.pi / 4)
        for channel, gain in enumerate((np.cos(angle), np.sin(angle))):
            weights = (grains * (levels * gain)[:, None]).reshape(-1)
            self._buffer[channel] += np.bincount(places, weights, self._buffer.shape[1])

    def add(self, start: int, sound: Signal, pan: float = 0.0) -> None:
        """Add one sound, mono or stereo."""
        self._reach(start + sound.shape[-1])
        if sound.ndim == 1:
            angle = (pan + 1) * np.pi / 4
            sound = sound * np.array([[np.cos(angle)], [np.sin(angle)]]) * np.sqrt(2)
        self._buffer[:, start : start + sound.shape[1]] += sound

    def take(self, count: int) -> Signal:
        """Take the next frames out."""
        self._reach(count)
        taken, self._buffer = self._buffer[:, :count], self._buffer[:, count:]
        return taken

    def _reach(self, count: int) -> None:
        missing = count - self._buffer.shape[1]
        if missing > 0:
            more = max(missing, SAMPLE_RATE)  # in large pieces, for growing copies
            self._buffer = np.concatenate((self._buffer, np.zeros((2, more))), axis=1)


def poisson_starts(rng: Rng, count: int, per_s: float) -> Signal:
    """Scatter starts over a block at a mean rate."""
    number = int(rng.poisson(per_s * count / SAMPLE_RATE))
    return np.sort(rng.uniform(0, count, number))


def rows(rng: Rng, pool: Signal, number: int) -> Signal:
    """Pick rows of a pool of grains at random."""
    return np.asarray(pool[rng.integers(0, len(pool), number)])


def pool_of(sounds: Sequence[Signal]) -> Signal:
    """Stack sounds of different lengths as rows."""
    pool = np.zeros((len(sounds), max(sound.size for sound in sounds)))
    for row, sound in zip(pool, sounds, strict=True):
        row[: sound.size] = sound
    return pool
