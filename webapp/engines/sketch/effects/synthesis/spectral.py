"""Filters that move, by short Fourier transforms: one for signals at hand, one that makes endless noise."""

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from scipy.fft import irfft, rfft

from webapp.engines.sketch.effects.synthesis.dsp import SAMPLE_RATE, Rng, Signal

# From the times of the windows, shape (windows, 1), and frequencies, shape (bins,), to gains (windows, bins).
Envelope: TypeAlias = Callable[[Signal, Signal], Signal]


@lru_cache(maxsize=8)
def bins_hz(size: int) -> Signal:
    """Give the frequencies of a transform of ``size`` frames."""
    return np.arange(size // 2 + 1, dtype=np.float64) * (SAMPLE_RATE / size)


@lru_cache(maxsize=8)
def _window(size: int) -> Signal:
    return 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(size) + 0.5) / size)


def overlap_add(windows: Signal, hop: int) -> Signal:
    """Add windows of shape (count, size), each ``hop`` frames after the one before."""
    count, size = windows.shape
    total = np.zeros((count - 1 + size // hop, hop))
    for part in range(size // hop):
        total[part : part + count] += windows[:, part * hop : (part + 1) * hop]
    return total.reshape(-1)


def shape(source: Signal, envelope: Envelope, size: int = 512) -> Signal:
    """Filter ``source`` by gains that move; the times the envelope gets are shares of its length."""
    hop = size // 4
    padded = np.concatenate((np.zeros(size), source, np.zeros(2 * size)))
    count = (padded.size - size) // hop
    views = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop][:count]
    window = np.sqrt(_window(size))
    share = np.clip((np.arange(count) * hop - size / 2) / source.size, 0, 1)[:, None]
    spectra = rfft(views * window) * envelope(share, bins_hz(size))
    total = overlap_add(np.asarray(irfft(spectra, size)) * window, hop)
    return np.asarray(total[size : size + source.size] / 2)


class NoiseStream:
    """Endless noise in two channels, with the gains that an envelope gives for each moment in seconds."""

    def __init__(self, rng: Rng, envelope: Envelope, *, width: float = 1.0, size: int = 2048) -> None:
        self._rng, self._envelope, self._size = rng, envelope, size
        self._mid = np.array([[np.sqrt(1 - width / 2)], [np.sqrt(width / 2)]])
        self._hop = size // 4
        self._at = 0
        self._ready = np.zeros((2, 0))
        self._tail = np.zeros((2, size - self._hop))
        self._make(3)
        self._ready = np.zeros((2, 0))  # the first windows have no earlier ones to overlap with

    def __call__(self, count: int) -> Signal:
        missing = count - self._ready.shape[1]
        if missing > 0:
            self._make(-(-missing // self._hop))
        taken, self._ready = self._ready[:, :count], self._ready[:, count:]
        return taken

    def _make(self, count: int) -> None:
        size, hop = self._size, self._hop
        frequencies = bins_hz(size)
        moment = ((self._at + np.arange(count)) * (hop / SAMPLE_RATE))[:, None]
        self._at += count
        gains = self._envelope(np.asarray(moment), frequencies) * float(np.sqrt(size / 3.0))
        gains[:, 0] = 0
        parts = self._rng.standard_normal((2, 2, count, frequencies.size))
        spectra = (parts[0] + 1j * parts[1]) * gains
        windows = np.asarray(irfft(spectra, size)) * _window(size)
        mid, side = windows * self._mid[:, :, None]
        fresh = np.stack([overlap_add(mid + side, hop), overlap_add(mid - side, hop)])
        fresh[:, : self._tail.shape[1]] += self._tail
        self._tail = fresh[:, count * hop :]
        self._ready = np.concatenate((self._ready, fresh[:, : count * hop]), axis=1)


def band(frequencies: Signal, low_hz: Signal | float, high_hz: Signal | float, slope: float = 1.0) -> Signal:
    """Give the gains of a band whose sides fall off with ``slope`` times 6 dB an octave."""
    safe = np.maximum(frequencies, 1.0)
    below, above = (low_hz / safe) ** (2 * slope), (safe / high_hz) ** (2 * slope)
    return np.asarray(1 / np.sqrt((1 + below) * (1 + above)))


def resonance(frequencies: Signal, centre_hz: Signal | float, width_hz: Signal | float) -> Signal:
    """Give the gains of one resonance with a peak of 1."""
    return np.asarray(1 / np.sqrt(1 + ((frequencies - centre_hz) / (width_hz / 2)) ** 2))
