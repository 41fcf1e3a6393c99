"""Tracks the pitch of one voice by YIN (de Cheveigné and Kawahara, 2002), many frames at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, resample_poly, sosfilt

from webapp.audio.waveform import Waveform

Floats = npt.NDArray[np.float64]

RATE: Final = 16_000
HOP: Final = 160
HOP_S: Final = HOP / RATE
LOWEST_HZ, HIGHEST_HZ = 62.0, 1_400.0
_WINDOW: Final = 1_024
# Loudness is told from 20 ms in the middle: a dip between two notes is short.
_MIDDLE: Final = slice(_WINDOW // 2 - 160, _WINDOW // 2 + 160)
_LONGEST_LAG: Final = int(RATE / LOWEST_HZ) + 2
_SHORTEST_LAG: Final = int(RATE / HIGHEST_HZ)
_FRAMES_AT_ONCE: Final = 512
# The first dip below this is the period; a frame whose deepest dip is above the other has no pitch.
_CLEAR_DIP, _LEAST_DIP = 0.15, 0.35
_QUIET_DB: Final = -34.0
_RUMBLE_HZ: Final = 55.0


@dataclass(frozen=True, slots=True)
class PitchTrack:
    """Pitches as MIDI numbers with fractions, NaN where there is none, and loudness in dB; one each 10 ms."""

    pitches: Floats
    levels_db: Floats


def track_pitch(waveform: Waveform) -> PitchTrack:
    """Track the pitch of a waveform, which should hold one voice or instrument."""
    mono = _prepared(waveform)
    frames = max(0, (len(mono) - _WINDOW - _LONGEST_LAG) // HOP + 1)
    pitches, powers = np.full(frames, np.nan), np.zeros(frames)
    for start, block in _blocks(mono, frames):
        periods = _periods(block)
        powers[start : start + len(block)] = (block[:, _MIDDLE] ** 2).mean(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            pitches[start : start + len(block)] = 69 + 12 * np.log2(RATE / periods / 440.0)
    levels_db = 10 * np.log10(powers + 1e-12)
    # The loudest moments may be a click; what most of the line reaches tells how loud it is.
    loud_db = np.percentile(levels_db, 95) if frames else 0.0
    pitches[levels_db < loud_db + _QUIET_DB] = np.nan
    return PitchTrack(pitches, levels_db)


def _prepared(waveform: Waveform) -> Floats:
    mono = waveform.samples.mean(axis=0, dtype=np.float64)
    common = gcd(waveform.sample_rate, RATE)
    mono = resample_poly(mono, RATE // common, waveform.sample_rate // common)
    mono = sosfilt(butter(2, _RUMBLE_HZ, "highpass", fs=RATE, output="sos"), mono)
    # The window of the last frame reaches beyond the end.
    return np.concatenate([mono, np.zeros(_WINDOW + _LONGEST_LAG)])


def _blocks(mono: Floats, frames: int) -> Iterator[tuple[int, Floats]]:
    every = np.lib.stride_tricks.sliding_window_view(mono, _WINDOW + _LONGEST_LAG)[::HOP]
    for start in range(0, frames, _FRAMES_AT_ONCE):
        yield start, every[start : min(start + _FRAMES_AT_ONCE, frames)]


def _periods(block: Floats) -> Floats:
    """Return the period of each frame in samples; NaN for none."""
    size = 1 << (block.shape[1] + _WINDOW - 1).bit_length()
    spectrum = np.fft.rfft(block, size)
    fixed = np.fft.rfft(block[:, :_WINDOW], size)
    products = np.fft.irfft(spectrum * fixed.conj(), size)[:, :_LONGEST_LAG]
    energies = np.cumsum(np.pad(block**2, ((0, 0), (1, 0))), axis=1)
    shifted = energies[:, _WINDOW : _WINDOW + _LONGEST_LAG] - energies[:, :_LONGEST_LAG]
    difference = np.maximum(shifted[:, :1] + shifted - 2 * products, 0)
    totals = np.cumsum(difference[:, 1:], axis=1)
    lags = np.arange(1, _LONGEST_LAG)
    normal = np.ones_like(difference)
    normal[:, 1:] = difference[:, 1:] * lags / np.maximum(totals, 1e-12)
    return _dips(normal)


def _dips(normal: Floats) -> Floats:
    """Return the lag of each frame's first clear dip, or of its deepest, between samples."""
    middle = normal[:, 1:-1]
    is_dip = (middle <= normal[:, :-2]) & (middle < normal[:, 2:])
    is_dip[:, : _SHORTEST_LAG - 1] = False
    clear = is_dip & (middle < _CLEAR_DIP)
    depths = np.where(is_dip, middle, np.inf)
    at = np.where(clear.any(axis=1), clear.argmax(axis=1), depths.argmin(axis=1)) + 1
    rows = np.arange(len(normal))
    left, centre, right = normal[rows, at - 1], normal[rows, at], normal[rows, at + 1]
    bend = left - 2 * centre + right
    offset = np.where(bend > 0, 0.5 * (left - right) / np.where(bend > 0, bend, 1), 0.0)
    has_pitch = depths[rows, at - 1] < _LEAST_DIP
    return np.where(has_pitch, at + offset, np.nan)
