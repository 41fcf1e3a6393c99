"""Draws spectrograms: time from left to right, logarithmic frequency from bottom to top, level as colour."""

import functools
import io

import numpy as np
from PIL import Image
from scipy.fft import rfft
from scipy.sparse import csr_array

from webapp.audio.spectrogram_frame import BOX, LOWEST_HZ, RANGE_DB, SHADES, frame_of, time_axis
from webapp.audio.waveform import Samples, Waveform

_WINDOW_FRAMES = 4096
_COLUMNS = 700
_ROWS = 220
# Of sounds that are so long that windows one column apart overlap by less than three quarters.
_WINDOWS_PER_COLUMN = 2
_WINDOWS_PER_CHUNK = 256


def spectrogram_png(waveform: Waveform) -> bytes:
    """Return a PNG of 1000 by 360 pixels, with axes in seconds and Hz and a scale in dB below the loudest."""
    levels_db = log_spectrogram_db(waveform)
    shades = np.clip(((levels_db / RANGE_DB) + 1) * SHADES, 0, SHADES - 1).astype(np.uint8)
    frame = frame_of(waveform.sample_rate)
    pixels = frame.pixels.copy()
    rows = (np.arange(BOX.height)[::-1] * _ROWS) // BOX.height
    columns = (np.arange(BOX.width) * _COLUMNS) // BOX.width
    drawn = shades[rows[:, np.newaxis], columns]
    # The same colours a little lighter.
    drawn[frame.grid_rows] += SHADES
    pixels[BOX.top : BOX.top + BOX.height, BOX.left : BOX.left + BOX.width] = drawn
    time_axis(pixels, waveform.duration_s)
    picture = Image.fromarray(pixels)
    picture.putpalette(frame.palette)
    png = io.BytesIO()
    picture.save(png, "PNG")
    return png.getvalue()


def log_spectrogram_db(waveform: Waveform) -> Samples:
    """Return levels of shape (rows, columns) in dB relative to the loudest, at least ``-RANGE_DB``.

    Rows run from ``LOWEST_HZ`` to half the sample rate in equal ratios, columns evenly over time.
    """
    power = _column_power(waveform.samples.mean(axis=0))
    rows = np.asarray(_row_weights(waveform.sample_rate) @ power)
    loudest = float(rows.max())
    if loudest <= 0:
        return np.full(rows.shape, -RANGE_DB, np.float32)
    levels = 10 * np.log10(np.maximum(rows / np.float32(loudest), np.float32(1e-20)))
    bounded: Samples = np.maximum(levels, np.float32(-RANGE_DB))
    return bounded


def _column_power(mono: Samples) -> Samples:
    """Return mean power spectra of shape (bins, columns), of windows spaced evenly over the sound."""
    is_long = mono.size > _COLUMNS * _WINDOW_FRAMES // 4
    per_column = _WINDOWS_PER_COLUMN if is_long else 1
    count = _COLUMNS * per_column
    padded = np.pad(mono, _WINDOW_FRAMES // 2)
    windows = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW_FRAMES)
    positions = ((np.arange(count) + 0.5) * mono.size / count).astype(np.intp)
    taper = np.hanning(_WINDOW_FRAMES).astype(np.float32)
    power = np.empty((count, _WINDOW_FRAMES // 2 + 1), np.float32)
    for start in range(0, count, _WINDOWS_PER_CHUNK):
        chosen = positions[start : start + _WINDOWS_PER_CHUNK]
        spectrum = rfft(windows[chosen] * taper, axis=1)
        power[start : start + len(chosen)] = spectrum.real**2 + spectrum.imag**2
    columns: Samples = power.reshape(_COLUMNS, per_column, -1).mean(axis=1).T
    return np.ascontiguousarray(columns)


@functools.lru_cache(maxsize=4)
def _row_weights(sample_rate: int) -> csr_array:
    """Return the weights of shape (rows, bins): the share of each frequency bin in each row.

    A row is the mean over its band; rows narrower than a bin interpolate between two bins.
    """
    bin_hz = sample_rate / _WINDOW_FRAMES
    edges = np.geomspace(LOWEST_HZ, sample_rate / 2, _ROWS + 1) / bin_hz
    centre = (edges[1:] + edges[:-1]) / 2
    half = np.maximum((edges[1:] - edges[:-1]) / 2, 1.0)
    bins = np.arange(_WINDOW_FRAMES // 2 + 1)
    weights = np.clip(1 + half[:, None] - np.abs(bins - centre[:, None]), 0.0, 1.0)
    weights /= weights.sum(axis=1, keepdims=True)
    # Most are 0: a row is a few bins wide.
    return csr_array(weights.astype(np.float32))
